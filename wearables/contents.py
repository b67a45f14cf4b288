"""What a device dump holds, metric by metric."""

from __future__ import annotations

from lake.preview import Preview


def by_metric(found: Preview) -> list[dict[str, object]]:
    """Samples of a file by metric: how many, from when to when (UTC), in which unit."""
    samples = found.tables.get("wearable_sample")
    if samples is None:
        return []
    grouped = samples.group_by(["metric", "unit"]).aggregate(
        [("start_at", "count"), ("start_at", "min"), ("end_at", "max")]
    )
    rows = [
        {
            "metric": row["metric"],
            "unit": row["unit"],
            "samples": row["start_at_count"],
            "first_at": row["start_at_min"],
            "last_at": row["end_at_max"],
        }
        for row in grouped.to_pylist()
    ]
    return sorted(rows, key=lambda row: str(row["metric"]))

"""The warehouse as the population grows: people with EHR alone, built whole, then with one in a hundred of them new.

``TWIN_BENCH_SCALE`` names the sizes (1000,10000; 100000 takes 30 GB of disk and an hour of two cores). More people than
``MADE`` are copies of their lives under identities of their own (``multiplied``): then only the warehouse is measured.
The curve is drawn into ``bench_results/scale.png``. DuckDB may hold 5 GB and spills the rest.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import orjson

from lake import landing
from lake.settings import Settings
from tests.benchmarks.cost import ROOT, Stopwatch, apart

SEED = 20260630
LIMIT = "5GB"
PEAK_MB = 8192
MADE = 10_000
"""People that are made and read; larger populations are multiples of them."""
ONE_IN = 100
SLACK = 1.1
"""CPU seconds per person may be so many times those of a tenth of the people: measurements scatter."""
CURVE = ROOT / "bench_results" / "scale.png"


def sizes() -> list[int]:
    """How many people, ascending."""
    return sorted(int(one) for one in os.environ.get("TWIN_BENCH_SCALE", "1000,10000").split(","))


def measure() -> list[dict[str, Any]]:
    """Build every size whole and with an increment, each in processes of their own."""
    os.environ["TWIN_MEMORY_LIMIT"] = LIMIT
    rows: list[dict[str, Any]] = []
    before: dict[str, Any] | None = None
    for people in sizes():
        home, made = _home(people), _home(min(people, MADE))
        if not (made / "lake").exists():
            rows += apart("tests.benchmarks.scale:delivered", made, min(people, MADE))
        if made != home:
            apart("tests.benchmarks.scale:renewed", made)
            rows.append(apart("tests.benchmarks.scale:multiplied", made, home, people, False))
        whole = apart("tests.benchmarks.scale:built", home, f"{people:,} people: warehouse")
        whole |= {"people": people, "budget": f"≤ {PEAK_MB} MB", "ok": whole["peak_mb"] <= PEAK_MB}
        if before:
            ratio = whole["cpu_s"] / people / (before["cpu_s"] / before["people"])
            whole |= {"peer": f"{before['people']:,} people, per person", "ratio": round(ratio, 2)}
            whole |= {"budget": f"≤ {SLACK}, {whole['budget']}", "ok": whole["ok"] and ratio <= SLACK}
        if made == home:
            fresh = apart("tests.benchmarks.scale:renewed", home)
        else:
            fresh = [apart("tests.benchmarks.scale:multiplied", made, home, people, True)]
        small = apart("tests.benchmarks.scale:built", home, f"{people:,} people: 1 % new, warehouse")
        share = small["cpu_s"] / whole["cpu_s"]
        small |= {"peer": "whole", "ratio": round(share, 3), "budget": "≤ 0.1", "ok": share <= 0.1}
        rows += [whole, *fresh, small]
        before = whole
        if people != MADE:
            shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(_home(MADE), ignore_errors=True)
    draw([one for one in rows if "people" in one])
    return [{key: value for key, value in one.items() if key != "people"} for one in rows]


def _home(people: int) -> Path:
    return Path(os.environ["TWIN_BENCH"]) / f"scale-{people}"


def multiplied(made: str, folder: str, people: int, new: bool) -> dict[str, Any]:
    """Write the files of a smaller population as often as it takes: those it was first read from, or the new ones."""
    source, target = Settings(home=Path(made)), Settings(home=Path(folder))
    from lake import manifest
    from orchestration import rooms
    from tests.benchmarks.multiplied import multiply

    watch = Stopwatch()
    rooms.ensure_typed_files(target)
    entries = [one for one in manifest.entries(source) if one.status == "ingested" and _is_new(one.path) == new]
    files = multiply(source, target, entries, people // MADE)
    manifest.write_tables(target)
    what = "1 % new" if new else f"{people:,} people"
    return {"stage": f"{what}: {MADE:,} people's raw rows multiplied", **watch.lap().row(), "rows": files, "mb": None}


def _is_new(path: str) -> bool:
    return Path(path).name.startswith("new-")


def delivered(folder: str, people: int) -> list[dict[str, Any]]:
    """Make a population, hold one person in a hundred back, and read the rest into the lake."""
    settings = Settings(home=Path(folder))
    from synthetic import generate

    watch = Stopwatch()
    made = generate(settings, people, SEED, {"ehr"})
    size = {"rows": made.records, "mb": round(made.bytes / 1e6, 2)}
    rows = [{"stage": f"{people:,} people: synth", **watch.lap().row(), **size}]
    _hold_back(settings)
    watch.lap()
    _read(settings)
    return [*rows, {"stage": f"{people:,} people: read into the lake", **watch.lap().row(), **size}]


def renewed(folder: str) -> list[dict[str, Any]]:
    """Land and read what was held back."""
    settings = Settings(home=Path(folder))
    watch = Stopwatch()
    for source in sorted((settings.home / "held_back").iterdir()):
        landing.land(settings, source, source.name)
    _read(settings)
    return [{"stage": "1 % new: read into the lake", **watch.lap().row(), "rows": None, "mb": None}]


def built(folder: str, stage: str) -> dict[str, Any]:
    """Build the warehouse up to the models, as a refresh does."""
    os.environ["TWIN_HOME"] = folder
    settings = Settings(home=Path(folder))
    from orchestration import dbt, increment

    manifest = json.loads(dbt.manifest_path(settings).read_bytes())
    watch = Stopwatch()
    plan = increment.plan(settings, manifest)
    selection = ["--exclude", "tag:after_models", "tag:on_demand"]
    if plan.nodes is not None:
        selection = increment.selection(plan, manifest)
    with increment.running(settings, plan):
        failed = [one.unique_id for one in dbt.build(settings, selection) if not one.passed]
        if failed:
            raise RuntimeError(f"dbt: {failed[:5]}")
    return {"stage": stage, **watch.lap().row(), "rows": None, "mb": round(settings.warehouse.stat().st_size / 1e6, 2)}


def _read(settings: Settings) -> None:
    from lake import manifest
    from lake.ingest import ingest
    from orchestration import rooms

    rooms.ensure_typed_files(settings)
    ingest(settings, rooms.readers(), rooms.contracts(), landing.pending(settings))
    manifest.write_tables(settings)


def _hold_back(settings: Settings) -> None:
    """Take one patient in a hundred out of the first hospital's plain NDJSON, with all that is said of them."""
    for path in sorted((settings.landing / "st_anne").rglob("*.ndjson")):
        kept, held = [], []
        for line in path.read_bytes().splitlines(keepends=True):
            (held if _is_held_back(line) else kept).append(line)
        if held:
            path.write_bytes(b"".join(kept))
            target = settings.home / "held_back" / path.relative_to(settings.landing)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_name(f"new-{target.name}").write_bytes(b"".join(held))


def _is_held_back(line: bytes) -> bool:
    try:
        record = orjson.loads(line)
        person = record["id"] if record["resourceType"] == "Patient" else record.get("subject", record.get("patient"))
        key = person if isinstance(person, str) else person["reference"].rsplit("/", 1)[-1]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):  # planted dirt stays where it is
        return False
    return sum(key.encode()) % ONE_IN == 0


def draw(rows: list[dict[str, Any]]) -> None:
    """The curve: CPU seconds and memory by number of people, with the straight line through the smallest size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    people = [one["people"] for one in rows]
    figure, (cost, memory) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    cost.loglog(people, [one["cpu_s"] for one in rows], "o-", label="build of the warehouse")
    cost.loglog(people, [rows[0]["cpu_s"] * one / people[0] for one in people], "--", color="grey", label="linear")
    cost.set(xlabel="people", ylabel="CPU seconds")
    cost.legend()
    memory.semilogx(people, [one["peak_mb"] for one in rows], "o-")
    memory.axhline(PEAK_MB, linestyle="--", color="grey")
    memory.set(xlabel="people", ylabel="peak resident MB", ylim=(0, None))
    CURVE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(CURVE, dpi=120)
    plt.close(figure)

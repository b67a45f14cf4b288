"""GPX routes: what is measured is kept, where it was is not."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import ReadFile

HEAD = '<?xml version="1.0"?>\n<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
TAIL = "</trkseg></trk></gpx>"


def route(*points: str) -> bytes:
    return (HEAD + "\n".join(f'<trkpt lon="-122.4" lat="37.7">{point}</trkpt>' for point in points) + TAIL).encode()


def test_a_route_of_apple_health(shared_data: Path, read_file: ReadFile) -> None:
    (path,) = (shared_data / "wearables/apple_health/dogsheep").rglob("*.gpx")
    found = read_file(path)
    assert (found.format, found.rejected) == ("gpx", [])
    points = path.read_text().count("<trkpt")
    assert found.accepted == points
    assert len(found.metric("altitude")) == len(found.metric("speed")) == points
    assert "37." not in str([row["value_text"] for row in found.samples])


def test_points(read_file: ReadFile) -> None:
    found = read_file(
        route(
            "<ele>12.5</ele><time>2024-03-01T08:00:00Z</time><extensions><speed>1.5</speed></extensions>",
            "<ele>13</ele><time>2024-03-01T09:00:01+01:00</time>",
            "<ele>14</ele>",
            "<time>2024-03-01T08:00:02Z</time>",
            "<ele>15</ele><time>2024-03-01T08:00:03</time>",
            "<ele>high</ele><time>2024-03-01T08:00:04Z</time>",
        ),
        "route.gpx",
    )
    assert [(row["metric"], row["value"], row["start_at"]) for row in found.samples] == [
        ("altitude", 12.5, datetime(2024, 3, 1, 8)),
        ("speed", 1.5, datetime(2024, 3, 1, 8)),
        ("altitude", 13, datetime(2024, 3, 1, 8, 0, 1)),
    ]
    assert found.ignored == {"point without a time or a value": 2}
    assert found.reasons == ["time_without_zone", "invalid_value"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (route("<ele>1</ele>")[:-20], "malformed_xml"),
        (b'<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + route("<ele>&x;</ele>")[22:], "dtd_refused"),
    ],
)
def test_bad_routes(read_file: ReadFile, content: bytes, reason: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_file(content, "route.gpx")
    assert refused.value.reason == reason

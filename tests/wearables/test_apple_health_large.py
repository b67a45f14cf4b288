"""Large Apple exports: read in columns, with the very rows that the SQL path gives for a small one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.wearables.conftest import Outcome, ReadFile
from tests.wearables.test_apple_health import DTD, export, record
from wearables.apple_health import blocks, reader, records

KINDS = (
    ("QuantityTypeIdentifierHeartRate", "count/min", ("61", "61.5", "nan", "1e2", "", "-3", " 7 ", "1e999")),
    ("QuantityTypeIdentifierStepCount", "count", ("12", "0", "12,5")),
    ("QuantityTypeIdentifierOxygenSaturation", "%", ("0.97", "97", "1", "1.0001")),
    ("QuantityTypeIdentifierBodyTemperature", "degF", ("98.6",)),
    ("QuantityTypeIdentifierBloodGlucose", "mmol&lt;180.1558800000541&gt;/L", ("5.5",)),
    ("QuantityTypeIdentifierBodyMass", "furlong", ("1",)),
    ("QuantityTypeIdentifierDietaryWater", "mL", ("250",)),
    ("CategoryTypeIdentifierAppleStandHour", "", ("HKCategoryValueAppleStandHourStood",)),
    (
        "CategoryTypeIdentifierSleepAnalysis",
        "",
        ("HKCategoryValueSleepAnalysisAsleepREM", "HKCategoryValueSleepAnalysisInBed", "HKCategoryValueOther"),
    ),
)
STARTS = (
    "2024-02-29 23:59:59 -0930", "2024-01-01 08:00:00 +0100", "2023-02-29 08:00:00 +0100", "1989-12-31 23:59:59 +0000",
    "1990-01-01 00:30:00 +0100", "2024-13-01 08:00:00 +0100", "2024-01-01 24:00:00 +0000", "2024-01-01T08:00:00+01:00",
    "2024-01-01 08:00:00 x0100", "01/02/2024", "2090-01-01 00:00:00 +0000", "2024-01-01 08:00:0 +01000",
)  # fmt: skip
DEVICES = (
    None,
    "&lt;&lt;HKDevice: 0x{address:x}&gt;, name:Apple Watch, manufacturer:Apple, hardware:Watch6,7, software:9&gt;",
    "&lt;&lt;HKDevice: 0x{address:x}&gt;, name:iPhone, hardware:iPhone12,1&gt;",
    "&lt;&lt;HKDevice: 0xZZ&gt;, name:Odd &amp; Co&gt;",
    "plain",
)
SOURCES = ("Rahul’s Apple\u00a0Watch", "A&amp;B", "iPhone", "&#160;x ", "&leak;")
METADATA = (
    '  <MetadataEntry key="HKTimeZone" value="Europe/Amsterdam"/>',
    '  <MetadataEntry key="HKTimeZone" value="Mars/Olympus"/>',
    '  <MetadataEntry key="HKWasUserEntered" value="1"/>',
    '  <MetadataEntry key="HKWasUserEntered" value="0"/>',
    '  <MetadataEntry value="1" key="HKWasUserEntered"/>',
    '  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>',
)


def lines(seed: int, count: int) -> list[str]:
    """Records of all sorts, with metadata, in correlations and workouts."""
    chance = random.Random(seed)
    usual = chance.choices
    found = ['<Me HKCharacteristicTypeIdentifierDateOfBirth="1960-05-01"/>']
    for number in range(count):
        kind, unit, values = usual(KINDS, weights=[8, 8, 4, 1, 1, 1, 2, 1, 3])[0]
        more: dict[str, str] = {}
        if chance.random() < 0.3:
            more["sourceVersion"] = f"9.{chance.randrange(3)}"
        device = chance.choice(DEVICES)
        if device:
            more["device"] = device.format(address=0x280000000 + number)
        start = chance.choice(STARTS[:2]) if chance.random() < 0.9 else chance.choice(STARTS)
        end = start if chance.random() < 0.9 else chance.choice(STARTS)
        value = values[0] if chance.random() < 0.8 else chance.choice(values)
        text = record(value, kind, unit, start=start, end=end, source=chance.choice(SOURCES), **more)
        if chance.random() < 0.1:
            text = text.replace(' creationDate="2024-01-01 09:00:00 +0100"', "")
        if chance.random() < 0.05:  # another order of the attributes
            head, rest = text.split(' type="', 1)
            kind_text, rest = rest.split('"', 1)
            text = f'{head}{rest.removesuffix("/>")} type="{kind_text}"/>'
        if chance.random() < 0.02:
            text = text.replace(' startDate="', ' begins="')
        if chance.random() < 0.2:
            hung = chance.choices(METADATA, k=chance.randrange(1, 4))
            found += [text.replace("/>", ">"), *hung, "\t </Record>"]
        else:
            found.append(text)
        if chance.random() < 0.05:
            pair = [record(str(110 + chance.randrange(3)), "QuantityTypeIdentifierBloodPressureSystolic", "mmHg",
                           start=f"2024-01-0{chance.randrange(1, 4)} 08:00:00 +0100") for _ in range(2)]  # fmt: skip
            found += ['<Correlation type="BP" sourceName="x">', *(f" {one}" for one in pair), "</Correlation>"]
            found += pair[: chance.randrange(3)]
        if chance.random() < 0.03:
            found += [
                '<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="5" durationUnit="min"'
                ' startDate="2024-01-01 08:00:00 +0100" endDate="2024-01-01 08:05:00 +0100" sourceName="x">',
                '  <MetadataEntry key="HKTimeZone" value="America/New_York"/>',
                ' <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="1" unit="km"/>',
                "</Workout>", "", '<ActivitySummary dateComponents="2024-01-01"/>',
            ]  # fmt: skip
    return found


def comparable(found: Outcome) -> dict[str, Any]:
    """Everything that a file became."""
    return {
        "tables": {
            name: sorted(str(sorted((key, value) for key, value in row.items() if key != "file_id")) for row in rows)
            for name, rows in found.tables.items()
        },
        "counts": (found.read, found.accepted, found.ignored),
        "rejected": sorted((one.position, one.reason, one.record_no, one.text) for one in found.rejected),
    }


@pytest.mark.parametrize("block", [300, 5_000, 1 << 20])
def test_large_and_small_files_are_judged_alike(
    read_file: ReadFile, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    content = export(*(line for line in lines(block, 700) if "begins=" not in line))
    small = read_file(content, "export.xml")
    reads = _watched(monkeypatch, block)
    large = read_file(content, "export.xml")
    assert reads == [True]
    assert _different(large.samples, small.samples) == []
    assert comparable(large) == comparable(small)
    assert len(small.samples) > 300
    assert {"invalid_time", "implausible_time", "invalid_value", "unknown_unit"} <= set(small.reasons)
    assert small.ignored["repeated_in_correlation"] > 5
    assert {row["time_zone"] for row in small.samples} == {None, "Europe/Amsterdam"}
    assert len({row["device_model"] for row in small.samples}) == 3


def test_what_the_columns_cannot_account_for_is_read_the_old_way(
    read_file: ReadFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    spanning = record("62").replace(" startDate", "\n  startDate")
    for content in (
        export(record("60"), spanning),
        export(record("60"), record("61") + record("62")),
        export(record("60"), record("61", source="XYZ")).replace(b"XYZ", b"\xff\xfe"),
        export(record("60"), record("61")).replace(b"\n", b"\r\n"),
    ):
        with monkeypatch.context() as patch:
            small = read_file(content, "export.xml")
            reads = _watched(patch, 1 << 20)
            large = read_file(content, "export.xml")
        assert reads == [False]
        assert comparable(large) == comparable(small)
        assert large.samples


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A block is all that is held of the text, whatever the file's size."""
    path = tmp_path / "export.xml"
    path.write_bytes(export(*(record(str(60 + number % 40)) for number in range(20_000)), head=DTD))
    sizes = [len(block.buffer) for block in blocks.blocks(path, ("type",))]
    assert len(sizes) >= path.stat().st_size // blocks.BLOCK_BYTES
    assert max(sizes) <= 2 * blocks.BLOCK_BYTES + 64


def _different(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Line, column and both values of the first cells that differ."""
    return [
        (here["record_no"], name, value, there[name])
        for here, there in zip(found, expected, strict=True)
        for name, value in here.items()
        if name != "file_id" and value != there[name]
    ][:5]


def _watched(patch: pytest.MonkeyPatch, block: int) -> list[bool]:
    """From here on every file counts as large; returns the list of how that went."""
    reads: list[bool] = []
    original = reader._read_large

    def watched(*arguments: Any) -> bool:
        reads.append(original(*arguments))
        return reads[-1]

    patch.setattr(reader, "LARGE_BYTES", 0)
    patch.setattr(reader, "_read_large", watched)
    patch.setattr(blocks, "BLOCK_BYTES", block)
    assert records.ATTRIBUTES
    return reads

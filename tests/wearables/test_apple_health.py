"""Apple Health: section 8 of reference/wearables.md (H2, H3) and the rules of its section 4.1."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import ReadFile

DTD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 11 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout)*)>
<!ATTLIST Record type CDATA #REQUIRED>
]>
"""


def record(
    value: str = "61", kind: str = "QuantityTypeIdentifierHeartRate", unit: str = "count/min", **other: str
) -> str:
    """One record on one line."""
    start = other.pop("start", "2024-01-01 08:00:00 +0100")
    attributes = {
        "type": f"HK{kind}",
        "sourceName": other.pop("source", "Watch"),
        "unit": unit,
        "creationDate": "2024-01-01 09:00:00 +0100",
        "startDate": start,
        "endDate": other.pop("end", start),
        "value": value,
    } | other
    return " <Record " + " ".join(f'{name}="{text}"' for name, text in attributes.items()) + "/>"


def export(*lines: str, head: str = DTD) -> bytes:
    """An export with these lines."""
    return "\n".join([f'{head}<HealthData locale="en_US">', *lines, "</HealthData>", ""]).encode()


def zipped(**members: bytes) -> bytes:
    """A zip archive in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_h2_dogsheep_export(shared_data: Path, read_file: ReadFile) -> None:
    found = read_file(shared_data / "wearables/apple_health/dogsheep/tests/export.xml")
    assert (found.read, found.accepted, found.ignored) == (6, 4, {"ActivitySummary": 2})
    assert [row["value"] for row in found.metric("heart_rate")] == [72]
    assert [row["value"] for row in found.metric("bmi")] == [22.5312]
    (workout,) = found.tables["wearable_workout"]
    assert workout["duration_s"] == pytest.approx(5.19412346680959 * 60, rel=1e-12)
    assert workout["distance_m"] == pytest.approx(0.4971749504535062 * 1609.344, rel=1e-12)
    assert workout["energy_kcal"] == pytest.approx(48.745, rel=1e-9)
    assert workout["start_at"] == datetime(2016, 11, 14, 14, 25, 41)
    assert (workout["time_zone"], workout["tz_source"]) == ("America/Los_Angeles", "metadata")
    assert workout["start_at"] + timedelta(minutes=workout["utc_offset_min"]) == datetime(2016, 11, 14, 6, 25, 41)
    (profile,) = found.tables["wearable_profile"]
    assert (str(profile["birth_date"]), profile["sex"]) == ("1990-02-02", "male")


@pytest.mark.parametrize("name", ["export.xml", "export.zip"])
def test_h3_records_that_span_lines(shared_data: Path, read_file: ReadFile, name: str) -> None:
    found = read_file(shared_data / "wearables/apple_health/cirilo/tests/data" / name)
    assert found.notes["parser"] == "expat"
    assert [row["value"] for row in found.metric("heart_rate")] == [74, 75]
    assert [row["value"] for row in found.metric("active_energy")] == [0.12, 0.08]
    in_bed = next(row for row in found.metric("sleep_stage") if row["value_text"] == "in_bed")
    assert in_bed["start_at"] == datetime(2023, 12, 31, 22, 55, 28)
    assert in_bed["start_at"] + timedelta(minutes=in_bed["utc_offset_min"]) == datetime(2023, 12, 31, 23, 55, 28)
    assert found.metric("heart_rate")[0]["tz_source"] == "export_offset"


def test_line_numbers_are_those_of_the_file(shared_data: Path, read_file: ReadFile) -> None:
    source = shared_data / "wearables/apple_health/cirilo/tests/data/export.xml"
    lines = source.read_text().splitlines()
    found = read_file(source)
    assert all("<Record" in lines[row["record_no"] - 1] for row in found.samples)


def test_minified_export_reads_the_same(read_file: ReadFile) -> None:
    content = export(record("60"), record("61"), head="")
    rows = read_file(content, "export.xml").samples
    minified = read_file(content.replace(b"\n", b""), "export.xml").samples
    assert [row["value"] for row in minified] == [row["value"] for row in rows] == [60, 61]


def test_localised_member_is_found_by_content(read_file: ReadFile) -> None:
    content = zipped(**{
        "apple_health_export/导出_cda.xml": b"<ClinicalDocument>" + b" " * 9000,
        "apple_health_export/导出.xml": export(record()),
        "__MACOSX/._x.xml": b"<HealthData",
    })  # fmt: skip
    assert len(read_file(content, "导出.zip").samples) == 1


def test_attribute_order_and_entities(read_file: ReadFile) -> None:
    line = (
        '<Record value="5" endDate="2024-01-01 08:01:00 +0100" startDate="2024-01-01 08:00:00 +0100"'
        ' sourceName="A&amp;B&#160;Watch" unit="count" type="HKQuantityTypeIdentifierStepCount"'
        ' device="&lt;&lt;HKDevice: 0x1&gt;, name:Apple Watch, model:Watch, hardware:Watch6,7&gt;"/>'
    )
    (row,) = read_file(export(line), "export.xml").samples
    assert (row["metric"], row["value"], row["source_app"]) == ("step_count", 5, "A&B Watch")
    assert (row["device_name"], row["device_model"], row["source_type"]) == ("Apple Watch", "Watch6,7", "watch")


def test_a_value_that_looks_like_an_attribute_is_not_trusted(read_file: ReadFile) -> None:
    (row,) = read_file(export(record("66", source=" startDate=")), "export.xml").samples
    assert (row["value"], row["start_at"]) == (66, datetime(2024, 1, 1, 7))


def test_units_become_canonical(read_file: ReadFile) -> None:
    found = read_file(
        export(
            record("98.6", "QuantityTypeIdentifierBodyTemperature", "degF"),
            record("0.97", "QuantityTypeIdentifierOxygenSaturation", "%"),
            record("97", "QuantityTypeIdentifierOxygenSaturation", "%"),
            record("5.5", "QuantityTypeIdentifierBloodGlucose", "mmol&lt;180.1558800000541&gt;/L"),
            record("100", "QuantityTypeIdentifierBodyMass", "lb"),
            record("41.84", "QuantityTypeIdentifierActiveEnergyBurned", "kJ"),
            record("1", "QuantityTypeIdentifierBodyMass", "furlong"),
            record("0.02", "QuantityTypeIdentifierAtrialFibrillationBurden", "%"),
            record("0.95", "QuantityTypeIdentifierAppleWalkingSteadiness", "%"),
            record("500", "QuantityTypeIdentifierSixMinuteWalkTestDistance", "m"),
            record("2", "QuantityTypeIdentifierInsulinDelivery", "IU"),
        ),
        "export.xml",
    )
    values = [row["value"] for row in found.samples]
    assert values == pytest.approx([37.0, 97.0, 97.0, 5.5 * 18.0182, 45.359237, 10.0, 2, 95, 500, 2])
    assert found.samples[6]["metric"] == "atrial_fibrillation_burden"
    assert found.samples[0]["value_src"] == 98.6
    assert found.reasons == ["unknown_unit"]


def test_correlation_records_are_not_counted_twice(read_file: ReadFile) -> None:
    systolic = record("120", "QuantityTypeIdentifierBloodPressureSystolic", "mmHg")
    diastolic = record("80", "QuantityTypeIdentifierBloodPressureDiastolic", "mmHg")
    lonely = record("81", "QuantityTypeIdentifierBloodPressureDiastolic", "mmHg")
    found = read_file(
        export(
            systolic, diastolic,
            '<Correlation type="HKCorrelationTypeIdentifierBloodPressure" sourceName="x">',
            systolic, diastolic, lonely,
            "</Correlation>",
            record(),
        ),
        "export.xml",
    )  # fmt: skip
    assert found.ignored == {"repeated_in_correlation": 2}
    assert sorted(row["value"] for row in found.samples) == [61, 80, 81, 120]


def test_bad_records_are_rejected_one_by_one(read_file: ReadFile) -> None:
    found = read_file(
        export(
            record("60"),
            record("61", start="2090-01-01 00:00:00 +0000"),
            record("62", start="1970-01-01 00:00:00 +0000"),
            record("63", start="2024-01-01 08:00:00 +0000", end="2024-01-01 07:00:00 +0000"),
            record("none"),
            record("64", start="01/02/2024"),
            record("1", "QuantityTypeIdentifierDietaryWater", "mL"),
            '<Record type="HKQuantityTypeIdentifierHeartRate" value="1"/>',
        ),
        "export.xml",
    )
    assert [row["value"] for row in found.samples] == [60]
    assert found.ignored == {"HKQuantityTypeIdentifierDietaryWater": 1}
    assert found.reasons == [
        "implausible_time", "implausible_time", "end_before_start", "invalid_value", "invalid_time", "malformed_record",
    ]  # fmt: skip


def test_invalid_utf8_costs_one_record(read_file: ReadFile) -> None:
    content = export(record("60"), record("61", source="XYZ"), record("62")).replace(b"XYZ", b"\xff\xfe")
    found = read_file(content, "export.xml")
    assert [row["value"] for row in found.samples] == [60, 62]
    assert found.reasons == ["invalid_utf8"]


def test_byte_order_mark_and_malformed_dtd(read_file: ReadFile) -> None:
    malformed = DTD.replace("CDATA #REQUIRED>", "CDATA #REQUIRED <!broken")
    spanning = record("62").replace(" startDate", "\n  startDate")
    for content in (export(record("60"), head=malformed), export(record("60"), spanning, head=malformed)):
        assert read_file(b"\xef\xbb\xbf" + content, "export.xml").samples[0]["value"] == 60


def test_entities_of_a_dtd_are_never_expanded(read_file: ReadFile, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    head = f'<!DOCTYPE HealthData [<!ENTITY leak SYSTEM "file://{tmp_path}/secret">]>\n'
    spanning = record("62", source="&leak;").replace(" startDate", "\n  startDate")
    (row,) = read_file(export(record("62", source="&leak;"), head=head), "export.xml").samples
    assert row["source_app"] == "&leak;"
    found = read_file(export(spanning, head=head), "export.xml")
    assert (found.samples, found.reasons) == ([], ["malformed_record"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<HealthData>\n" + record().encode(), "truncated_xml"),
        (zipped(**{"export.xml": export(record())})[:-60], "corrupt_zip"),
        (zipped(**{"../../export.xml": export(record())}), "unsafe_member_name"),
        (zipped(**{"export.xml": export() + b" " * (200 << 20)}), "decompression_bomb"),
    ],
    ids=["truncated", "cut zip", "traversal", "bomb"],
)
def test_bad_files(read_file: ReadFile, content: bytes, reason: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_file(content, "export.zip" if content[:2] == b"PK" else "export.xml", folder="apple_health")
    assert refused.value.reason == reason


def test_time_zone_of_metadata_must_exist(read_file: ReadFile) -> None:
    stage = 'type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="Watch"'
    found = read_file(
        export(
            f'<Record {stage} startDate="2024-08-01 08:00:00 +0200" endDate="2024-08-01 09:00:00 +0200"'
            ' value="HKCategoryValueSleepAnalysisAsleepREM">',
            ' <MetadataEntry key="HKTimeZone" value="America/New_York"/>',
            "</Record>",
            f'<Record {stage} startDate="2024-08-02 08:00:00 +0200" endDate="2024-08-02 09:00:00 +0200"'
            ' value="HKCategoryValueSleepAnalysisAsleepREM">',
            ' <MetadataEntry key="HKTimeZone" value="Not/AZone"/>',
            "</Record>",
        ),
        "export.xml",
    )
    first, second = found.samples
    assert (first["value_text"], first["utc_offset_min"], first["tz_source"]) == ("rem", -240, "metadata")
    assert (second["utc_offset_min"], second["tz_source"]) == (120, "export_offset")


def test_workout_totals_from_statistics(read_file: ReadFile) -> None:
    (workout,) = read_file(
        export(
            '<Workout workoutActivityType="HKWorkoutActivityTypeWalking" duration="30" durationUnit="min"'
            ' sourceName="W" startDate="2024-01-01 08:00:00 +0100" endDate="2024-01-01 08:30:00 +0100">',
            '<WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="2.5" unit="km"/>',
            '<WorkoutStatistics type="HKQuantityTypeIdentifierActiveEnergyBurned" sum="120" unit="kcal"/>',
            "</Workout>",
        ),
        "export.xml",
    ).tables["wearable_workout"]
    assert (workout["activity"], workout["distance_m"], workout["energy_kcal"]) == ("Walking", 2500, 120)

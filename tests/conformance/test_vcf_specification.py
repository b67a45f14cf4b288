"""The files of hts-specs: all valid ones accepted, all invalid ones rejected, each with the line and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from genomics.validation.faults import Fault
from genomics.validation.validate import validate

FILES = "genomics/hts_specs_vcf"

FIELD_OF = {
    "alt": "ALT", "chrom": "CHROM", "filter": "FILTER", "id": "ID", "info": "INFO", "pos": "POS", "qual": "QUAL",
    "ref": "REF",
}  # fmt: skip
"""What the middle of a name such as failed_body_alt_000 says is wrong."""

RULE_OF = {"contiguous": {"contiguous"}, "duplicated": {"duplicate"}, "unsorted": {"sorted"}}


def files(shared_data: Path, version: str, kind: str) -> list[Path]:
    found = sorted((shared_data / FILES / version / kind).glob("*.vcf"))
    assert found
    return found


@pytest.mark.parametrize("version", ["4.1", "4.2"])
def test_valid_files_are_accepted(shared_data: Path, version: str) -> None:
    found = [validate(path) for path in files(shared_data, version, "passed")]
    assert len(found) == 25
    assert [(one.path, one.faults) for one in found if not one.is_valid] == []


@pytest.mark.parametrize(("version", "count"), [("4.1", 193), ("4.2", 190)])
def test_invalid_files_are_rejected_for_their_own_reason(shared_data: Path, version: str, count: int) -> None:
    paths = files(shared_data, version, "failed")
    assert len(paths) == count
    wrong = [path.name for path in paths if not any(fits(path, fault) for fault in validate(path).faults)]
    assert wrong == []


def fits(path: Path, fault: Fault) -> bool:
    """The fault is of the kind that the file's name announces, and tells a line that exists."""
    _, part, *rest = path.stem.split("_")
    if not 1 <= fault.line_no <= len(path.read_text().splitlines()):
        return False
    if part != "body":
        return fault.field == "header"
    if rest[0] in RULE_OF:
        return fault.rule in RULE_OF[rest[0]]
    if rest[0] in ("sample", "samples"):
        return fault.field == "sample" or fault.rule == "duplicate_sample"
    if rest[0] == "format":
        return fault.field == "FORMAT" or fault.rule == "genotype"
    return fault.field == FIELD_OF[rest[0]]


def test_the_file_of_4_5_has_its_lists_read_and_only_its_order_refused(shared_data: Path) -> None:
    """It stands among the valid files, yet POS falls from 400 to 300: section 1.6.1.2 asks for rising positions."""
    (path,) = files(shared_data, "4.5", "passed")
    assert [(fault.rule, fault.line_no) for fault in validate(path).faults] == [("sorted", 8)]


def test_real_files_of_common_tools_are_accepted(shared_data: Path) -> None:
    real = [
        "pharmcat/examples/multisample.vcf",
        "pgsc_calc/assets/examples/target_genomes/cineca_synthetic_subset.vcf.gz",
    ]
    for name in real:
        found = validate(shared_data / "genomics" / name)
        assert (found.records > 50, found.faults) == (True, [])

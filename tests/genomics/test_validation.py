"""Validation of VCF files: rules that hts-specs has no file for, files that are broken, and state between batches."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pysam
import pysam.bcftools
import pytest
from typer.testing import CliRunner

from genomics.validation import records as records_module
from genomics.validation.faults import Faults
from genomics.validation.meta import Meta
from genomics.validation.validate import validate
from orchestration.cli import app
from tests.genomics.vcf_text import vcf_text, write_vcf

GOOD = ["chr1 100 rs1 A C 50 PASS . GT 0/1", "chr1 200 . G GA . . END=200 GT ./.", "chrX 300 . T <DEL> . q10 . GT 1"]


def rules(path: Path) -> list[tuple[int, str]]:
    return [(fault.line_no, fault.rule) for fault in validate(path).faults]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    header = ('##FILTER=<ID=q10,Description="Poor">', '##ALT=<ID=DEL,Description="Deletion">')
    return write_vcf(tmp_path / "good.vcf", GOOD, ["a"], header=header)


def test_a_good_file_in_every_wrapping(good: Path, tmp_path: Path) -> None:
    packed = pysam.tabix_index(str(good), preset="vcf", force=True, keep_original=True)
    plain = tmp_path / "plain.vcf.gz"
    plain.write_bytes(gzip.compress(good.read_bytes()))
    binary = tmp_path / "good.bcf"
    pysam.bcftools.view("-Ob", "-o", str(binary), str(good), catch_stdout=False)
    windows = tmp_path / "windows.vcf"
    windows.write_bytes(good.read_bytes().replace(b"\n", b"\r\n"))
    for path in (good, Path(packed), plain, binary, windows):
        found = validate(path)
        assert (found.is_valid, found.records, found.samples, found.build) == (True, 3, 1, "GRCh38"), path.name


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        ("chr1 100 . A C . . . GT:GT 0/1:0/1", "format"),
        ("chr1 100 . A C . . . GT:XY_Z 0/1:3", "format"),
        ("chr1 100 . A C . . DP=. GT 0/2", "genotype_allele"),
        ("chr1 100 . A C . . DP GT 0/1", "info_value"),
        ("chr1 100 . A C . . AC=1,2 GT 0/1", "info_number"),
        ("chr1 100 . A C . . X=1=2 GT 0/1", "info_value"),
        ("chr1 100 . A A . . . GT 0/1", "alt_equals_ref"),
        ("chr1 100 . A C,. . . . GT 0/1", "alt"),
        ("chr1 100 . A C[1:5] . . . GT 0/1", "alt"),
        ("chr1 100 . A C . . . GT:GQ 0/1:", "sample_empty"),
        ("chr1 100 . A C . . . GT:PL 0/1:1,2", "sample_number"),
        ("chr1 100 . A C . . . GT:PL ./.:1,2,3,4", "sample_number"),
        ("chr1 100 . A C . . . GT 0//1", "genotype"),
        ("chr1 100 . A C . . .", "column_count"),
    ],
)
def test_rules_that_hts_specs_has_no_file_for(tmp_path: Path, record: str, rule: str) -> None:
    assert rules(write_vcf(tmp_path / "bad.vcf", [record], ["a"])) == [(9, rule)]


def test_rules_depend_on_the_version(tmp_path: Path) -> None:
    text = vcf_text(["chr1 100 . A C . . K=1;K=2 GT 0/1", "HLA:1 5 . A C . . . GT |0/1"], ["a"])
    for version, expected in (("4.2", ["chrom", "genotype"]), ("4.4", ["info_duplicate_key"])):
        path = tmp_path / f"{version}.vcf"
        path.write_text(text.replace("VCFv4.2", f"VCFv{version}"))
        assert [rule for _, rule in rules(path)] == expected


def test_faults_of_the_file_as_a_whole(good: Path, tmp_path: Path) -> None:
    packed = Path(pysam.tabix_index(str(good), preset="vcf", force=True, keep_original=True))
    cases = {
        "empty.vcf": b"",
        "cut.vcf.gz": packed.read_bytes()[:-40],
        "no_end.vcf.gz": packed.read_bytes()[:-28],
        "text.vcf": b"name,age\nA,3\n",
        "no_columns.vcf": b"##fileformat=VCFv4.2\n##a=b\n",
    }
    found = {}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        found[name] = rules(tmp_path / name)
    assert found == {
        "empty.vcf": [(0, "empty")],
        "cut.vcf.gz": [(0, "truncated_bgzf")],
        "no_end.vcf.gz": [(0, "truncated_bgzf")],
        "text.vcf": [(1, "fileformat"), (2, "no_column_line")],
        "no_columns.vcf": [(2, "no_column_line")],
    }


def test_lines_that_cannot_be_read_do_not_hide_the_others(good: Path) -> None:
    lines = good.read_bytes().splitlines(keepends=True)
    lines[10] = lines[10].replace(b"\t.\t", b"\t\xff\t", 1)
    good.write_bytes(b"".join([*lines, lines[5], b"chrX\t50\t.\tA\tQ\t.\t.\t.\tGT\t0\n"]))
    found = validate(good)
    assert [(one.line_no, one.rule) for one in found.faults] == [
        (11, "encoding"), (14, "header_in_body"), (15, "sorted"), (15, "alt"),
    ]  # fmt: skip
    assert found.records == 4


def body(faults: Faults, *batches: str) -> records_module.Records:
    checker = records_module.Records(Meta(n_columns=8), faults)
    line = 1
    for batch in batches:
        text = "".join("\t".join(one.split()) + "\n" for one in batch.split("|")).encode()
        checker.check(line, text)
        line += text.count(b"\n")
    return checker


def test_order_and_duplicates_are_seen_across_batches() -> None:
    faults = Faults()
    checker = body(
        faults,
        "1 100 . TA T . . .|1 200 . CAA C . . .",
        "1 200 . C CA . . .|1 200 . CAA C . . .|1 150 . G A . . .|2 5 . G A . . .",
        "2 5 . GT AT . . .|1 7 . A C . . .",
    )
    assert [(fault.line_no, fault.rule) for fault in faults.examples] == [
        (5, "sorted"), (4, "duplicate"), (8, "contiguous"), (7, "duplicate"),
    ]  # fmt: skip
    assert not checker.is_sorted
    assert checker.count == 8


def test_faults_are_counted_beyond_the_examples_that_are_kept(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "many.vcf", [f"chr1 {100 + i} . A C -1 . . GT 0/1" for i in range(500)], ["a"])
    found = validate(path)
    assert found.counts == {"qual": 500}
    assert len(found.faults) == 20


def run(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, ["vcf", "validate", *arguments])
    return outcome.exit_code, outcome.output


def test_the_command(good: Path, tmp_path: Path) -> None:
    status, output = run(str(good))
    assert status == 0
    assert "good.vcf: valid (VCFv4.2, 1 samples, 3 records, GRCh38" in " ".join(output.split())
    bad = write_vcf(tmp_path / "bad.vcf", ["chr1 0x . A C . . . GT 0/1"], ["a"])
    status, output = run(str(good), str(bad), "--json")
    fine, faulty = json.loads(output)
    assert status == 1
    assert (fine["is_valid"], faulty["is_valid"], faulty["counts"]) == (True, False, {"pos": 1})
    status, output = run(str(bad))
    assert status == 1
    assert "POS must be a whole number" in output
    assert run(str(tmp_path / "none.vcf"))[0] == 2


def test_what_a_reader_would_refuse_is_told_beforehand(tmp_path: Path) -> None:
    moved = write_vcf(tmp_path / "moved.vcf", ["chr19 45411941 rs429358 T C . . . GT 0/1"], ["a"])
    assert rules(moved) == [(0, "build_mismatch")]
    mixed = {"chr1": 249250621, "chr2": 242193529}
    assert rules(write_vcf(tmp_path / "mixed.vcf", [], ["a"], contigs=mixed)) == [(0, "mixed_build")]
    spoiled = write_vcf(tmp_path / "spoiled.vcf", ["chr1 100 . A C . PA\x01SS . GT 0/1", *GOOD[:1]], ["a"])
    assert [rule for _, rule in rules(spoiled)] == ["encoding"]


def test_a_file_cut_short_is_told_with_what_could_be_read(good: Path, tmp_path: Path) -> None:
    packed = Path(pysam.tabix_index(str(good), preset="vcf", force=True, keep_original=True))
    cut = tmp_path / "cut.vcf.gz"
    cut.write_bytes(packed.read_bytes()[:-28])
    found = validate(cut)
    assert ([fault.rule for fault in found.faults], found.is_complete) == (["truncated_bgzf"], False)
    assert (found.records, found.build) == (3, "GRCh38")


ADDED: list[tuple[str, str, str, tuple[int, int]]] = [
    ('##ALT=<ID=own-kind"!x,Description="d">', "chr1 9 . A <own> . . . GT 0/1", "meta_structure", (4, 3)),
    ("##FILTER=<ID=f>", "chr1 9 . A C . f . GT 0/1", "meta_missing_attribute", (4, 4)),
    (
        '##FORMAT=<ID=XP,Number=P,Type=Integer,Description="d">',
        "chr1 9 . A C . . . GT:XP 0|1:1,2",
        "meta_number",
        (4, 4),
    ),
    (
        '##FORMAT=<ID=LAD,Number=LR,Type=Integer,Description="d">',
        "chr1 9 . A C . . . GT:LAD 0/1:1,2",
        "meta_number",
        (4, 5),
    ),
    ("##source=x", "chr1 9 . A C . . . GT /0|1", "genotype", (4, 4)),
]
"""A header line and a record that are valid from a version on, and the rule that they break before it."""


@pytest.mark.parametrize(("meta", "record", "rule", "since"), ADDED)
def test_what_later_versions_added(tmp_path: Path, meta: str, record: str, rule: str, since: tuple[int, int]) -> None:
    text = vcf_text([record], ["a"], header=(meta,))
    for minor in range(2, 6):
        path = tmp_path / "x.vcf"
        path.write_text(text.replace("VCFv4.2", f"VCFv4.{minor}"))
        assert (rule in validate(path).counts) == ((4, minor) < since), minor


FORBIDDEN: list[tuple[str, str, str, tuple[int, int]]] = [
    ('##INFO=<ID=X,Number=1,Type=String,Description="d">', "chr1 9 . A C . . X=a%b GT 0/1", "info_value", (4, 3)),
    (
        '##FORMAT=<ID=AD,Number=.,Type=Integer,Description="d">',
        "chr1 9 . A C . . . GT:AD 0/1:1,2",
        "reserved_number",
        (4, 3),
    ),
    ('##INFO=<ID=END,Number=1,Type=Integer,Description="d">', "chr1 9 . A C . . . GT 0/1", "meta_duplicate", (4, 3)),
    ("##source=x", "chr1 9 . A <DEL> . . SVCLAIM=Q GT 0/1", "info_type", (4, 4)),
    ('##INFO=<ID=SVLEN,Number=.,Type=Integer,Description="d">', "chr1 9 . A C . . . GT 0/1", "reserved_number", (4, 4)),
    (
        '##INFO=<ID=X,Number=1,Type=Integer,Description="d">',
        "chr1 9 . A C . . X=2147483648 GT 0/1",
        "info_type",
        (4, 2),
    ),
    (
        '##INFO=<ID=X,Number=1,Type=Integer,Description="d">',
        "chr1 9 . A C . . X=-2147483641 GT 0/1",
        "info_type",
        (4, 2),
    ),
]
"""What the specification forbids from a version on (4.3, sections 1.2, 1.3 and 1.4; 4.4, section 3)."""


@pytest.mark.parametrize(("meta", "record", "rule", "since"), FORBIDDEN)
def test_what_later_versions_forbid(tmp_path: Path, meta: str, record: str, rule: str, since: tuple[int, int]) -> None:
    text = vcf_text([record], ["a"], header=(meta,))
    for minor in range(2, 6):
        path = tmp_path / "x.vcf"
        path.write_text(text.replace("VCFv4.2", f"VCFv4.{minor}"))
        assert (rule in validate(path).counts) == ((4, minor) >= since), minor


def test_phase_set_lists_have_one_value_per_allele(tmp_path: Path) -> None:
    header = ('##FORMAT=<ID=PSL,Number=P,Type=String,Description="d">',)
    for value, good in (("a,b", True), (".,b", True), ("a", False), (".", True)):
        path = tmp_path / "x.vcf"
        text = vcf_text([f"chr1 9 . A C . . . GT:PSL 0|1:{value}"], ["a"], header=header)
        path.write_text(text.replace("VCFv4.2", "VCFv4.4"))
        assert validate(path).is_valid == good, value

"""Whole files: builds, contig names, reference blocks, and everything that can be wrong with a file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

from genomics.builds import GRCH37, GRCH38, LENGTHS, build_from_lengths, canonical_contig
from genomics.scan import read_tables, scan
from lake.quarantine import BadFile
from tests.genomics.vcf_text import GRCH38_CONTIGS, vcf_text, write_vcf

RECORD = "chr1 100 . A C . PASS . GT 0/1"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chr1", "1"), ("1", "1"), ("CHRX", "X"), ("chrM", "MT"), ("MT", "MT"), ("NC_000001.11", "1"),
        ("NC_000023.10", "X"),
        ("CM000663.2", "1"), ("CM000686.2", "Y"), ("NC_012920.1", "MT"), ("chr6_GL000250v2_alt", "chr6_GL000250v2_alt"),
    ],
)  # fmt: skip
def test_contig_aliases(name: str, expected: str) -> None:
    assert canonical_contig(name) == expected


def test_the_mitochondrion_of_hg19_is_another_sequence() -> None:
    assert canonical_contig("chrM", 16571) == "MT_hg19"


def test_build_from_lengths() -> None:
    assert build_from_lengths({"chr1": 248956422})[0] == GRCH38
    assert build_from_lengths({"1": 249250621, "GL000207.1": 4262})[0] == GRCH37
    assert build_from_lengths({"22": 51174940})[0] == GRCH37  # plink writes the last position; GRCh38's 22 is shorter
    with pytest.raises(ValueError, match="GRCh37 and of GRCh38"):
        build_from_lengths({"1": 249250621, "2": 242193529})


def test_lengths_are_those_of_a_real_header(shared_data: Path) -> None:
    with pysam.VariantFile(str(shared_data / "genomics/deb_shapeit4/unphased.vcf.gz")) as file:
        for name in LENGTHS[GRCH37]:
            if name in file.header.contigs and name != "MT":
                assert file.header.contigs[name].length == LENGTHS[GRCH37][name]


def test_sentinels_tell_the_build_where_no_length_does(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "plain.vcf", ["19 45411941 rs429358 T C . . . GT 0/1"], ["a"], contigs={})
    opened = scan(path)
    assert (opened.build, opened.build_evidence) == (GRCH37, "positions of known rs numbers")


def test_sentinels_that_contradict_the_header_refuse_the_file(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "wrong.vcf", ["chr19 45411941 rs429358 T C . . . GT 0/1"], ["a"])
    with pytest.raises(BadFile, match="build_mismatch"):
        read_tables(path)


def test_words_of_the_header_come_last(tmp_path: Path) -> None:
    path = write_vcf(
        tmp_path / "words.vcf", ["1 100 . A C . . . GT 0/1"], ["a"], contigs={}, header=("##reference=hg19.fa",)
    )
    assert scan(path).build == GRCH37
    silent = write_vcf(tmp_path / "silent.vcf", ["1 100 . A C . . . GT 0/1"], ["a"], contigs={})
    assert scan(silent).build == "unknown"


def test_reference_blocks_become_intervals_and_panel_sites(tmp_path: Path) -> None:
    records = [
        "chr19 44908600 . A <NON_REF> . . END=44908683 GT:DP:GQ:MIN_DP 0/0:40:99:30",
        "chr19 44908684 . T <NON_REF> . . END=44908700 GT:DP:GQ:MIN_DP 0/0:40:60:25",
        "chr19 44908701 . T <NON_REF> . . END=44908821 GT:DP:GQ:MIN_DP 0/0:9:3:2",
        "chr19 44908822 . C T,<NON_REF> . . . GT:DP:GQ 0/1:40:99",
    ]
    header = ('##ALT=<ID=NON_REF,Description="any">',)
    tables = read_tables(write_vcf(tmp_path / "one.g.vcf", records, ["a"], header=header))
    assert tables["genome_callable_interval"].drop(["record_no"]).to_pylist() == [
        {
            "sample": "a",
            "build": GRCH38,
            "chrom": "19",
            "start_pos": 44908600,
            "end_pos": 44908700,
            "min_dp": 25,
            "min_gq": 60,
        }
    ]
    assert tables["genome_sample"]["file_format"].to_pylist() == ["gvcf"]
    states = {
        variant["rsid"] or variant["pos"]: genotype["state"]
        for variant in tables["genome_variant"].to_pylist()
        for genotype in tables["genome_genotype"].to_pylist()
        if genotype["variant_no"] == variant["variant_no"]
    }
    assert states == {"rs429358": "hom_ref_asserted", 44908822: "called"}


def test_lengths_of_vcf_4_5_reach_as_far_as_ends(tmp_path: Path) -> None:
    """VCF 4.5: FORMAT/LEN is the length of a reference block (per sample), INFO/SVLEN of each symbolic allele."""
    header = ('##FORMAT=<ID=LEN,Number=1,Type=Integer,Description="Length">', '##ALT=<ID=*,Description="any">')
    records = [
        "chr1 1001 . A <*> . . . GT:DP:GQ:LEN 0/0:30:50:100 0/0:30:50:40",
        "chr1 1101 . A <*> . . . GT:DP:GQ:LEN 0/0:30:50:50 ./.:0:0:50",
        "chr1 2000 . A <DEL>,<INS>,<CNV:TR> . . SVLEN=-300,80,50 GT:DP:GQ 0/1:30:50 0/0:30:50",
    ]
    tables = read_tables(write_vcf(tmp_path / "a.g.vcf", records, ["a", "b"], header=header))
    stretches = [
        (one["sample"], one["start_pos"], one["end_pos"]) for one in tables["genome_callable_interval"].to_pylist()
    ]
    assert stretches == [("a", 1001, 1150), ("b", 1001, 1040)]
    reaches = [(one["alt"], one["end_pos"]) for one in tables["genome_structural_variant"].to_pylist()]
    assert reaches == [("<DEL>", 2300), ("<INS>", 2000), ("<CNV:TR>", 2050)]


def test_normalisation_gives_one_variant_and_keeps_how_it_was_written(tmp_path: Path) -> None:
    records = ["chr1 100 . CAG CG . . . GT 0/1", "chr1 100 . ca C . . . GT 0/1", "chr1 99 . TCA TC . . . GT 0/1"]
    variants = read_tables(write_vcf(tmp_path / "same.vcf", records, ["a"]))["genome_variant"]
    assert set(variants.select(["pos", "ref", "alt"]).to_pylist()[0].items()) == {
        ("pos", 100),
        ("ref", "CA"),
        ("alt", "C"),
    }
    assert {tuple(row.values()) for row in variants.select(["pos", "ref", "alt"]).to_pylist()} == {(100, "CA", "C")}
    source = variants.select(["source_pos", "source_ref", "source_alt"]).to_pylist()
    assert [tuple(row.values()) for row in source] == [(100, "CAG", "CG"), (None, None, None), (99, "TCA", "TC")]


def test_bgzf_gzip_bcf_and_text_give_the_same_rows(tmp_path: Path) -> None:
    samples = [f"s{index}" for index in range(30)]
    calls = ["0/0", "0/1", "1|1", "./.", "0/0"]
    records = [
        f"chr1 {100 + index} . A C . PASS . GT " + " ".join(calls[(index + at) % 5] for at in range(30))
        for index in range(3000)
    ]
    text = write_vcf(tmp_path / "a.vcf", records, samples)
    pysam.tabix_compress(str(text), str(tmp_path / "a.vcf.gz"))
    (tmp_path / "b.vcf.gz").write_bytes(gzip.compress(text.read_bytes()))
    (tmp_path / "crlf.vcf").write_bytes(text.read_bytes().replace(b"\n", b"\r\n"))
    pysam.bcftools.view("-Ob", "-o", str(tmp_path / "a.bcf"), str(text), catch_stdout=False)
    expected = read_tables(text)
    assert expected["genome_variant"].num_rows == 3000
    for name in ("a.vcf.gz", "b.vcf.gz", "crlf.vcf", "a.bcf"):
        found = read_tables(tmp_path / name)
        for table in ("genome_variant", "genome_genotype"):
            assert found[table].drop(["record_no"]).equals(expected[table].drop(["record_no"])), name


@pytest.mark.parametrize(
    ("reason", "content"),
    [
        ("not_a_vcf", b"hello\nworld\n"),
        ("unsupported_version", vcf_text([RECORD], ["a"]).replace("VCFv4.2", "VCFv3.3").encode()),
        ("missing_columns", vcf_text([RECORD], ["a"]).replace("\tREF\t", "\t").encode()),
        ("missing_columns", vcf_text([RECORD], ["a"]).replace("\t", ",").encode()),
        ("duplicate_sample", vcf_text([RECORD + " 0/1"], ["a", "a"]).encode()),
        ("mixed_build", vcf_text([RECORD], ["a"], contigs={"1": 249250621, "2": 242193529}).encode()),
        ("invalid_encoding", vcf_text([RECORD], ["a"]).replace("##INFO", "##x=\xe9\n##INFO").encode("latin-1")),
        ("not_a_vcf", vcf_text([RECORD], ["a"]).encode("utf-16")),
        ("corrupt_gzip", gzip.compress(vcf_text([RECORD] * 500, ["a"]).encode())[:-40]),
    ],
)
def test_unusable_files_say_why(tmp_path: Path, reason: str, content: bytes) -> None:
    path = tmp_path / "bad.vcf"
    path.write_bytes(content)
    with pytest.raises(BadFile) as caught:
        read_tables(path)
    assert caught.value.reason in {reason, "invalid_encoding" if reason == "not_a_vcf" else reason}


@pytest.mark.parametrize("cut", [28, 40, 200])
def test_truncated_bgzf_is_refused(tmp_path: Path, cut: int) -> None:
    text = write_vcf(tmp_path / "a.vcf", [f"chr1 {100 + index} . A C . . . GT 0/1" for index in range(9000)], ["a"])
    pysam.tabix_compress(str(text), str(tmp_path / "a.vcf.gz"))
    whole = (tmp_path / "a.vcf.gz").read_bytes()
    (tmp_path / "cut.vcf.gz").write_bytes(whole[:-cut])
    with pytest.raises(BadFile, match="truncated_bgzf"):
        read_tables(tmp_path / "cut.vcf.gz")


def test_a_broken_block_is_refused(tmp_path: Path) -> None:
    text = write_vcf(tmp_path / "a.vcf", [f"chr1 {100 + index} . A C . . . GT 0/1" for index in range(9000)], ["a"])
    pysam.tabix_compress(str(text), str(tmp_path / "a.vcf.gz"))
    whole = bytearray((tmp_path / "a.vcf.gz").read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    (tmp_path / "broken.vcf.gz").write_bytes(whole)
    with pytest.raises(BadFile, match="corrupt_bgzf"):
        read_tables(tmp_path / "broken.vcf.gz")


def test_bad_lines_are_told_one_by_one_and_the_others_stay(tmp_path: Path) -> None:
    records = [
        "chr1 100 . A C . . . GT 0/1", "chr1 x . A C . . . GT 0/1", "chr1 120 . A C . . .",
        "chr1 130 . A! C . . . GT 0/1",
        "chr1 140 . A A . . . GT 0/1", "chr1 150 . A Q . . . GT 0/1", "chr1 248956423 . A C . . . GT 0/1",
        "chr1 160 . R C . . . GT 0/1", "chr1 170 . A C . . . DP 9",
    ]  # fmt: skip
    path = write_vcf(tmp_path / "lines.vcf", records, ["a"])
    batches = list(scan(path).batches)
    header = len(GRCH38_CONTIGS) + 4
    assert {problem.line_no - header: problem.reason for batch in batches for problem in batch.problems} == {
        2: "invalid_pos", 3: "column_count", 4: "invalid_ref", 5: "alt_equals_ref", 6: "invalid_alt",
        7: "position_beyond_contig",
    }  # fmt: skip
    totals = [sum(getattr(batch, name) for batch in batches) for name in ("read", "accepted")]
    ignored = sum(sum(batch.ignored.values()) for batch in batches)
    assert [*totals, ignored] == [9, 2, 1]
    kept = [batch.tables["genome_variant"] for batch in batches if "genome_variant" in batch.tables]
    assert [row["ref"] for table in kept for row in table.to_pylist()] == ["A", "A"]

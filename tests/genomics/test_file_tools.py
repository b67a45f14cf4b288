"""Quality of one file, normalisation and consumer files: what the oracles have no case for, and the commands."""

from __future__ import annotations

import json
import zipfile
from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from genomics.cohort_qc import cohort_qc
from genomics.consumer import read_consumer
from genomics.hardy_weinberg import exact_p
from lake.quarantine import BadFile
from orchestration.cli import app
from tests.genomics.vcf_text import write_vcf

FASTA = ">chr1\nACGTACACACTTGGA\n>chr2\nGGGGCCCC\n"
CONTIGS = {"chr1": 15, "chr2": 8}


def twin(*arguments: object) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, [str(one) for one in arguments])
    return outcome.exit_code, outcome.output


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "genome.fa"
    path.write_text(FASTA)
    return path


def test_the_exact_test_against_whole_numbers() -> None:
    """The definition itself, in exact arithmetic: tables no likelier than the one seen, out of all with its alleles."""

    def ways(het: int, rare: int, people: int) -> int:
        homs = (rare - het) // 2
        return 2**het * comb(people, het) * comb(people - het, homs)

    for rare, people in ((1, 5), (21, 100), (30, 30), (40, 40)):
        hets = range(rare % 2, min(rare, 2 * people - rare) + 1, 2)
        all_ways = [ways(het, rare, people) for het in hets]
        expected = [float(Fraction(sum(w for w in all_ways if w <= own), sum(all_ways))) for own in all_ways]
        het = np.array(list(hets))
        found = exact_p(het, (rare - het) // 2, people - het - (rare - het) // 2)
        assert found == pytest.approx(np.array(expected), rel=1e-9)
    assert exact_p(np.array([0, 0]), np.array([0, 7]), np.array([0, 0])).tolist() == [1.0, 1.0]


def test_haploid_half_and_missing_calls_are_counted_as_what_they_are(tmp_path: Path) -> None:
    path = write_vcf(
        tmp_path / "x.vcf",
        [
            "chrX 3000000 . A G . PASS . GT 0 1 1/1 0/1 ./1 .",
            "chrX 3000001 . A C,G . PASS . GT 1 2 1/2 0/1 0/. ./.",
            "chrX 3000002 . A C . q10 . GT 1 1 0/1 0/1 0/1 0/1",
        ],
        list("abcdef"),
    )
    found = cohort_qc(path)
    counted = [
        tuple(row[name] for name in ("alt", "hom_ref", "het", "hom_alt", "hap_ref", "hap_alt", "missing"))
        for row in found.variants.to_pylist()
    ]
    assert counted == [("G", 0, 1, 1, 1, 1, 2), ("C", 0, 2, 0, 1, 1, 2), ("G", 1, 1, 0, 1, 1, 2)]
    assert found.filtered == 1
    frequency = [row["alt_frequency"] for row in found.variants.to_pylist()]
    assert frequency == pytest.approx([(1 + 2 + 1) / 6, (2 + 1) / 6, (1 + 1) / 6])


def test_qc_command(tmp_path: Path) -> None:
    path = write_vcf(
        tmp_path / "two.vcf",
        ["chr1 100 . A G . . . GT 0/1 1/1", "chr1 200 . A C . . . GT 1/1 ./.", "chr1 300 . C T . . . GT 0/1 0/0"],
        ["a", "b"],
    )
    status, output = twin("vcf", "qc", path, "--json", "--variants", tmp_path / "v.csv")
    assert status == 1
    found = json.loads(output)
    assert found["poor_samples"] == ["b"]
    first = found["samples"][0]
    assert (first["n_het"], first["n_hom_alt"], first["titv"], first["n_singletons"]) == (2, 1, 2.0, 2)
    assert len((tmp_path / "v.csv").read_text().splitlines()) == 4
    assert twin("vcf", "qc", path, "--variants", "v.xlsx")[0] == 2
    status, output = twin("vcf", "qc", path)
    assert (status, "fewer than 95 % of the calls: b" in output) == (1, True)


def test_normalise_command(tmp_path: Path, fasta: Path) -> None:
    path = write_vcf(
        tmp_path / "in.vcf",
        ["chr1 8 . CAC C . . . GT 0/1", "chr1 12 . T A,G . . . GT 1/2", "chr2 5 . A T . . . GT 0/1"],
        ["a"],
        contigs=CONTIGS,
    )
    out = tmp_path / "out.vcf"
    status, output = twin("vcf", "normalise", path, "--fasta", fasta, "--out", out, "--json")
    assert status == 1
    done = json.loads(output)
    assert done["left_out"] == {"ref_mismatch": 1}
    assert done["examples"] == [["chr2", 5, "A", "C"]]
    body = [line.split("\t") for line in out.read_text().splitlines() if not line.startswith("#")]
    assert [(row[1], row[3], row[4], row[9]) for row in body] == [
        ("4", "TAC", "T", "0/1"), ("12", "T", "A", "1/0"), ("12", "T", "G", "0/1"),
    ]  # fmt: skip
    assert twin("vcf", "normalise", path, "--fasta", fasta, "--out", tmp_path / "out.txt")[0] == 2
    other = tmp_path / "other.fa"
    other.write_text(">1\nACGT\n")
    status, output = twin("vcf", "normalise", path, "--fasta", other, "--out", out)
    assert (status, "contig chr1 is not in the reference genome" in " ".join(output.split())) == (1, True)


def test_genotype_command(tmp_path: Path, fasta: Path) -> None:
    raw = tmp_path / "me.txt"
    raw.write_text(
        "# raw data\n# rsid\tchromosome\tposition\tgenotype\n"
        "rs3\t2\t1\tG\nrs1\t1\t1\tAA\nrs2\t1\t2\tCT\nrs4\t1\t3\t--\nrs5\t1\t4\tDD\nrs6\t--\t5\tAA\nrs7\t7\t5\tAA\n"
        "rs8\t1\t2\tCC\nbroken line\n"
    )
    packed = tmp_path / "me.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(raw, "me.txt")
    out = tmp_path / "me.vcf"
    status, output = twin("genotype", packed, "--fasta", fasta, "--out", out, "--json")
    assert status == 0
    done = json.loads(output)
    assert (done["read"], done["written"], sum(done["left_out"].values())) == (9, 4, 5)
    body = [line.split("\t") for line in out.read_text().splitlines() if not line.startswith("#")]
    assert [(row[0], row[1], row[2], row[3], row[4], row[9]) for row in body] == [
        ("chr1", "1", "rs1", "A", ".", "0/0"), ("chr1", "2", "rs2", "C", "T", "0/1"),
        ("chr1", "3", "rs4", "G", ".", "./."), ("chr2", "1", "rs3", "G", ".", "0"),
    ]  # fmt: skip
    assert "contig_not_in_reference" in twin("genotype", raw, "--fasta", fasta, "--out", out)[1]
    assert twin("genotype", raw, "--fasta", tmp_path / "none.fa")[0] == 2


def test_consumer_files_that_cannot_be_used(tmp_path: Path) -> None:
    cases = {
        "SNP.Name\tAllele1...Top\tChr\tPosition\nrs1\tA\t1\t5\n": "unusable_columns",
        "a,b\n1,2\n": "unknown_format",
        "rsid,chromosome,position,genotype\n": "no_records",
        "rsid,chromosome,position,genotype\nrs1,0,0,AA\n": "no_records",
    }
    for text, reason in cases.items():
        path = tmp_path / "x.txt"
        path.write_text(text)
        with pytest.raises(BadFile) as error:
            read_consumer(path)
        assert error.value.reason == reason


def test_consumer_file_of_a_build_that_is_not_read(tmp_path: Path) -> None:
    """rs3094315 lies at 1:742429 on NCBI36, 1:752566 on GRCh37 and 1:817186 on GRCh38 (dbSNP)."""
    path = tmp_path / "x.csv"
    for place, build in ((752566, "GRCh37"), (817186, "GRCh38")):
        path.write_text(f"rsid,chromosome,position,genotype\nrs3094315,1,{place},AA\n")
        assert read_consumer(path).build == build
    for text in ("rs3094315,1,742429,AA\n", "rs1,1,5,AA\n# human reference build 36\n"):
        path.write_text(f"# positions of build 36\nrsid,chromosome,position,genotype\n{text}")
        with pytest.raises(BadFile) as error:
            read_consumer(path)
        assert error.value.reason == "unsupported_build"


def test_single_chromosomes_of_a_consumer_file(tmp_path: Path, fasta: Path) -> None:
    """AncestryDNA writes every call as a pair and MT as 26; 23andMe writes one base."""
    path = tmp_path / "x.txt"
    path.write_text(
        "rsid\tchromosome\tposition\tallele1\tallele2\n"
        "r1\t26\t1\tA\tA\nr2\t26\t2\tA\tG\nr3\t24\t3\tT\tT\nr4\t23\t4\tC\tC\nr5\t26\t5\t0\t0\nr6\t1\t6\tI\tD\n"
    )
    found = read_consumer(path)
    calls = [(row["chrom"], row["pos"], row["genotype"]) for row in found.calls.to_pylist()]
    assert calls == [("MT", 1, "A"), ("Y", 3, "T"), ("X", 4, "CC"), ("MT", 5, "--")]
    assert found.left_out == {"two_bases_on_y_or_mt": 1, "not_bases": 1}


def test_consumer_file_against_the_wrong_reference(tmp_path: Path) -> None:
    sequence = "".join("ACGT"[number % 4] for number in range(100))
    reference = tmp_path / "r.fa"
    reference.write_text(f">1\n{sequence}\n")
    for shift, status in ((0, 0), (2, 1)):
        path = tmp_path / "x.csv"
        rows = [
            f"r{at},1,{at + 1},{''.join(sorted(sequence[at + shift] + sequence[at + shift + 1]))}" for at in range(40)
        ]
        path.write_text("rsid,chromosome,position,genotype\n" + "\n".join(rows) + "\n")
        found, output = twin("genotype", path, "--fasta", reference, "--out", tmp_path / "x.vcf")
        assert (found, "wrong_reference" in output) == (status, bool(status))

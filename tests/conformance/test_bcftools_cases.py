"""Cases of bcftools: norm and atomize, consumer files, runs of homozygosity; bodies equal line by line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from genomics.bcftools import run
from genomics.consumer import write_vcf

FILES = "genomics/bcftools_test"

DIFFERENT = {"-m -any --old-rec-tag OLD_REC --force -a", "-Nc s"}
"""Options of two cases whose outputs bcftools 1.24, which pysam bundles, does not give: listed with the output of the
same options in another order, where atomised records of one position come in another order; and setting a REF that
spans a repeat, for which the listed output rewrites the alternate alleles too.
"""

LOST: dict[str, list[str] | None] = {"norm.check-ref.1.out": ["-c", "s"], "norm.3.2.out": None}
"""Options that the table lost for cases that have a reference; None where they cannot be told from the output."""


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
        lost = LOST.get(row["expected"], [])
        if row["args"] in DIFFERENT or lost is None:
            continue
        options = [*row["args"].replace("{PATH}", str(folder)).split(), *lost]
        if row["reference"]:
            options = ["-f", str(folder / f"{row['reference']}.fa"), *options]
        output = tmp_path / "out.vcf"
        run("norm", *options, str(folder / f"{row['input']}.vcf"), output=output)
        if body(output) != body(folder / row["expected"]):
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


def test_runs_of_homozygosity(shared_data: Path, tmp_path: Path) -> None:
    folder, output = shared_data / FILES, tmp_path / "roh.txt"
    run("roh", "-G30", "--AF-dflt", "0.4", str(folder / "roh.1.vcf.gz"), output=output)
    found = [line for line in output.read_text().splitlines() if line.startswith("RG")]
    assert found == (folder / "roh.1.1.out").read_text().splitlines()
    assert found[0].split("\t")[1:7] == ["sample", "1", "150025833", "169993762", "19967930", "1345"]


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

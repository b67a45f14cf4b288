"""Kinship, duplicates and swaps, runs of homozygosity and components, by function and by ``twin vcf qc``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from genomics.derive import raw_views
from genomics.kinship import PairCounts
from genomics.projection import read_loadings
from genomics.relatives import find_relatives
from genomics.roh import homozygosity
from genomics.tables import DERIVED, TABLES
from lake import derived
from lake.quarantine import BadFile
from lake.settings import Settings
from orchestration.cli import app
from tests.genomics.landing import land
from tests.genomics.vcf_text import vcf_text, write_vcf

N_LOCI = 3000
CONTIGS = {f"chr{number}": 248956422 if number == 1 else 60_000_000 for number in range(1, 11)}
FAMILY = ["father", "mother", "child", "sibling", "cousin", "twice", "stranger"]


@pytest.fixture(scope="module")
def family() -> np.ndarray:
    """Loci x people of independent loci; who descends from whom is planted."""
    random = np.random.default_rng(11)
    frequency = random.uniform(0.1, 0.9, N_LOCI)

    def founder() -> np.ndarray:
        return (random.random((N_LOCI, 2)) < frequency[:, None]).astype(np.int8)

    def child(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        picked = random.integers(0, 2, (2, N_LOCI))
        return np.column_stack([one[np.arange(N_LOCI), picked[0]], other[np.arange(N_LOCI), picked[1]]])

    father, mother = founder(), founder()
    first, second = child(father, mother), child(father, mother)
    nephew = child(second, founder())
    people = (father, mother, first, second, nephew, first, founder())
    return np.column_stack([one.sum(axis=1) for one in people]).astype(np.int8)


def places(n: int = N_LOCI) -> pa.Table:
    """Loci 200,000 bases apart on ten chromosomes."""
    return pa.table(
        {"chrom": [str(1 + i % 10) for i in range(n)], "pos": [100_000 + 200_000 * (i // 10) for i in range(n)]}
    )


def test_a_pedigree_is_recognised(family: np.ndarray) -> None:
    # Manichaikul 2010: one genome 0.5, parent and child 0.25 without IBS0, siblings 0.25, uncle 0.125, strangers 0
    counts = PairCounts(len(FAMILY))
    for start in range(0, N_LOCI, 1000):
        counts.add(places().slice(start, 1000), family[start : start + 1000])
    found = {frozenset((row["first"], row["second"])): row for row in counts.pairs(FAMILY).to_pylist()}
    relations = {tuple(sorted(pair)): row["relation"] for pair, row in found.items()}
    first = {
        ("child", "father"), ("child", "mother"), ("father", "twice"), ("mother", "twice"), ("child", "sibling"),
        ("father", "sibling"), ("mother", "sibling"), ("sibling", "twice"), ("cousin", "sibling"),
    }  # fmt: skip
    second = {("child", "cousin"), ("cousin", "twice"), ("cousin", "father"), ("cousin", "mother")}
    assert relations == {
        ("child", "twice"): "same_genome",
        **dict.fromkeys(first, "first_degree"),
        **dict.fromkeys(second, "second_degree"),
    }
    assert found[frozenset(("child", "twice"))]["concordance"] == 1
    for parent in ("father", "mother"):
        row = found[frozenset(("child", parent))]
        assert (row["n_ibs0"], row["n_sites"]) == (0, N_LOCI)
        assert row["kinship"] == pytest.approx(0.25, abs=0.03)
    assert found[frozenset(("child", "sibling"))]["n_ibs0"] > 0


def test_kinship_is_counted_over_what_both_have_assessed() -> None:
    # the between-family estimator, written out for one pair (Manichaikul 2010, equation 11)
    random = np.random.default_rng(5)
    dosage = random.choice(np.array([-1, 0, 1, 1, 2, 2], dtype=np.int8), size=(900, 1))
    dosage = np.column_stack([dosage, np.where(random.random(900) < 0.9, dosage[:, 0], 1)]).astype(np.int8)
    counts = PairCounts(2)
    counts.add(places(900), dosage)
    both = dosage[(dosage >= 0).all(axis=1)]
    hets = (both == 1).sum(axis=0).min()
    expected = 0.5 - ((both[:, 0].astype(int) - both[:, 1]) ** 2).sum() / (4 * hets)
    (row,) = counts.pairs(["a", "b"]).to_pylist()
    assert (row["n_sites"], row["kinship"]) == (len(both), pytest.approx(expected, abs=1e-12))
    assert row["concordance"] == pytest.approx((both[:, 0] == both[:, 1]).mean())


def test_few_loci_tell_no_relatives(family: np.ndarray) -> None:
    # thousands of sites of one region are inherited as one
    counts = PairCounts(len(FAMILY))
    counts.add(pa.table({"chrom": ["1"] * N_LOCI, "pos": list(range(1, N_LOCI + 1))}), family)
    assert counts.resolution() > 0.5
    assert counts.pairs(FAMILY).num_rows == 0


def records(dosage: np.ndarray, step: int = 5, carriers_only: bool = False) -> list[str]:
    """VCF lines of the first columns of a family."""
    calls = {-1: "./.", 0: "0/0", 1: "0/1", 2: "1/1"}
    return [
        f"chr{chrom} {pos} . A G . PASS . GT {' '.join(calls[copies] for copies in row.tolist())}"
        for chrom, pos, row in zip(*places().to_pydict().values(), dosage, strict=True)
        if (pos // 200_000) % step == 0 and (row.any() or not carriers_only)
    ]


def by_place(lines: list[str]) -> list[str]:
    return sorted(lines, key=lambda line: (line.split()[0], int(line.split()[1])))


def twin(*arguments: object) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, [str(one) for one in arguments])
    return outcome.exit_code, outcome.output


@pytest.fixture(scope="module")
def cohort(family: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vcf(
        tmp_path_factory.mktemp("family") / "family.vcf", by_place(records(family)), FAMILY, contigs=CONTIGS
    )


def test_the_command_tells_relatives_and_who_is_not_who_the_sheet_says(cohort: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text(
        "sample\tperson\tsex\nchild\tP1\tfemale\ntwice\tP2\t\nfather\tP3\t\nstranger\tP3\tm\nabsent\tP4\t\n"
    )
    status, output = twin("vcf", "qc", cohort, "--sheet", sheet, "--json")
    found = json.loads(output)
    assert status == 1
    assert {(row["first"], row["second"], row["relation"]) for row in found["relatives"]} >= {
        ("child", "twice", "same_genome"), ("father", "child", "first_degree"), ("mother", "child", "first_degree"),
    }  # fmt: skip
    assert not [row for row in found["relatives"] if "stranger" in (row["first"], row["second"])]
    assert [(one["alarm"], one["sample"], one["other"]) for one in found["alarms"]] == [
        ("not_in_file", "absent", None),
        ("same_genome_two_people", "child", "twice"),
        ("two_genomes_one_person", "father", "stranger"),
    ]
    assert "two genomes under one person" in twin("vcf", "qc", cohort, "--sheet", sheet)[1]
    sheet.write_text("sample,person\nchild,P1\ntwice,P1\n")
    assert twin("vcf", "qc", cohort, "--sheet", sheet)[0] == 0
    for text in ("sample,sex\nchild,neither\n", "sample,sex\nchild,m\nchild,m\n", "sample\nchild\n", "name,sex\na,m\n"):
        sheet.write_text(text)
        status, output = twin("vcf", "qc", cohort, "--sheet", sheet)
        assert (status, "invalid_sheet" in output, "sheet.tsv" in output) == (1, True, True)


def test_a_swapped_sex_is_told(tmp_path: Path) -> None:
    lines = [f"chrX {3_000_000 + 1000 * number} . A G . PASS . GT 0/1 1/1" for number in range(30)]
    vcf = write_vcf(tmp_path / "x.vcf", lines, ["a", "b"], contigs={"chrX": 156040895})
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("sample,sex\na,male\nb,male\n")
    status, output = twin("vcf", "qc", vcf, "--sheet", sheet, "--json")
    (alarm,) = json.loads(output)["alarms"]
    assert (status, alarm["alarm"], alarm["sample"]) == (1, "sex_differs", "a")


def test_samples_of_different_files_are_held_against_each_other(settings: Settings, family: np.ndarray) -> None:
    joint, later = family[:, :5], family[:, 5:6].copy()
    later[::50] = -1
    alone = vcf_text(by_place(records(family[:, 2:3], carriers_only=True)), ["alone"], contigs=CONTIGS)
    land(settings, {
        "joint.vcf": vcf_text(by_place(records(joint)), FAMILY[:5], contigs=CONTIGS),
        "later.vcf": vcf_text(by_place(records(later)), ["later"], contigs=CONTIGS),
        "alone.vcf": alone,
    })  # fmt: skip
    derived.ensure_empty(settings, TABLES, DERIVED)
    with raw_views(settings) as con:
        relatives, fingerprints = find_relatives(con)
    rows = {(row["sample"], row["other_sample"]): row for row in relatives.to_pylist()}
    assert rows["child", "later"]["relation"] == "same_genome"
    assert rows["father", "later"]["relation"] == "first_degree"
    # a file of variants only has no kinship: its absent sites are not reference
    assert (rows["alone", "child"]["relation"], rows["alone", "child"]["kinship"]) == ("same_genome", None)
    assert {pair for pair in rows if "alone" in pair} == {("alone", "child"), ("alone", "later")}
    printed = {row["sample"]: row for row in fingerprints.to_pylist()}
    assert len({len(row["dosages"]) for row in printed.values()}) == 1
    assert printed["alone"]["n_assessed"] < printed["later"]["n_assessed"] < printed["child"]["n_assessed"]


def test_runs_count_from_a_length_and_a_number_of_markers() -> None:
    schema = [("sample", pa.string()), ("chrom", pa.string()), ("length", pa.int64()), ("markers", pa.int64())]
    rows = [
        ("a", "1", 20_000_000, 1345),
        ("a", "2", 1_400_000, 500),
        ("a", "3", 9_000_000, 99),
        ("a", "X", 9_000_000, 500),
    ]
    runs = pa.Table.from_pylist(
        [dict(zip([n for n, _ in schema], row, strict=True)) for row in rows], pa.schema(schema)
    )
    found = homozygosity(runs, ["a", "b"], "GRCh38").to_pylist()
    # the autosomes of GRCh38 have 2,875,001,522 bases
    assert [(row["n_runs"], row["f_roh"]) for row in found] == [
        (1, pytest.approx(20_000_000 / 2_875_001_522)),
        (0, 0.0),
    ]
    assert homozygosity(runs, ["a"], "unknown")["f_roh"].to_pylist() == [None]


def test_components_are_those_of_the_panel_that_the_loadings_come_from(cohort: Path, tmp_path: Path) -> None:
    # numpy's singular value decomposition of the standardised genotypes gives components and loadings
    body = [line.split("\t") for line in cohort.read_text().splitlines() if not line.startswith("#")]
    dosage = np.array([[call.count("1") for call in line[9:]] for line in body])
    frequency = dosage.mean(axis=1) / 2
    kept = (frequency > 0) & (frequency < 1)
    mean = 2 * frequency[kept, None]
    standard = (dosage[kept] - mean) / np.sqrt(mean * (1 - mean / 2))
    left, values, _ = np.linalg.svd(standard, full_matrices=False)
    table, out = tmp_path / "loadings.tsv", tmp_path / "pcs.parquet"
    kept_lines = [line for line, good in zip(body, kept, strict=True) if good]
    rows = [
        "\t".join([line[0], line[1], line[3], line[4], repr(f), *(repr(float(one)) for one in weights)])
        for line, f, weights in zip(kept_lines, frequency[kept].tolist(), left[:, :2], strict=True)
    ]
    table.write_text("#chrom\tpos\tref\talt\talt_frequency\tPC1\tPC2\n" + "\n".join(rows) + "\n")
    assert twin("vcf", "qc", cohort, "--no-relatives", "--loadings", table, "--components", out)[0] == 0
    found = pq.read_table(out)
    expected = standard.T @ left[:, :2]
    for number in (1, 2):
        assert np.allclose(found[f"PC{number}"].to_pylist(), expected[:, number - 1], atol=1e-9)
        assert np.linalg.norm(found[f"PC{number}"].to_pylist()) == pytest.approx(values[number - 1])
    # a third of the sites are not in the file: too few
    table.write_text("\n".join([*table.read_text().splitlines(), *(f"9\t{n}\tA\tC\t0.5\t1\t1" for n in range(1, 400))]))
    status, output = twin("vcf", "qc", cohort, "--no-relatives", "--loadings", table, "--json")
    assert (status, {row["PC1"] for row in json.loads(output)["components"]}) == (0, {None})
    for text in (
        "chrom,pos,ref,alt,PC1\n1,1,A,C,1\n",
        "chrom,pos,ref,alt,af,PC1\n1,1,A,C,0,1\n",
        "chrom,pos,ref,alt,af,PC1\n1,x,A,C,.1,1\n",
    ):
        table.write_text(text)
        with pytest.raises(BadFile, match="invalid_loadings"):
            read_loadings(table)
    assert twin("vcf", "qc", cohort, "--components", out)[0] == 2

"""Score files and ClinVar, and landing them together with genomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from genomics.clinvar import read_clinvar
from genomics.readers import READERS
from genomics.score_file import read_score_file
from lake.quarantine import BadFile
from lake.reader import Landed, choose

SCORE = """#format_version=2.0
#pgs_id=PGS999999
#trait_reported=Height
#genome_build=GRCh37
#HmPOS_build=GRCh38
"""


def test_harmonised_positions_win(tmp_path: Path) -> None:
    path = tmp_path / "score.txt"
    path.write_text(
        SCORE
        + "rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\tis_recessive"
        + "\thm_rsID\thm_chr\thm_pos\n"
        + "rs1\t1\t100\ta\tG\t0.5\tFALSE\trs1\t1\t200\n"
        + "rs2\t1\t100\tA\tG\t-1e-3\tTRUE\trs22\tX\t300\n"
        + "rs3\t1\t100\tA\tG\t0.5\tFALSE\t\t\t\n"
        + "rs4\t1\t100\tA\tG\tmuch\tFALSE\trs4\t1\t400\n"
        + "rs5\t1\t100\tA\n"
    )
    score = read_score_file(path)
    assert (score.pgs_id, score.build) == ("PGS999999", "GRCh38")
    columns = ["rsid", "chrom", "pos", "effect_allele", "effect_weight", "effect_type"]
    assert [tuple(row.values()) for row in score.weights.select(columns).to_pylist()] == [
        ("rs1", "1", 200, "A", 0.5, "additive"),
        ("rs22", "X", 300, "A", -0.001, "recessive"),
    ]
    assert {problem.line_no: problem.reason for problem in score.problems} == {
        9: "not_placed",
        10: "invalid_weight",
        11: "column_count",
    }


def test_a_score_without_positions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "score.txt"
    path.write_text(SCORE + "rsID\teffect_allele\teffect_weight\nrs1\tA\t1\n")
    with pytest.raises(BadFile, match="harmonised file"):
        read_score_file(path)


def test_clinvar_sample_of_ncbi(shared_data: Path) -> None:
    batches = list(read_clinvar(shared_data / "genomics/clinvar_samples/clinvar.vcf"))
    rows = [row for table, _, _ in batches for row in table.to_pylist()]
    kras = next(row for row in rows if row["gene"] == "KRAS")
    assert (kras["build"], kras["chrom"], kras["pos"], kras["significance"], kras["review_stars"]) == (
        "GRCh37", "12", 25398285, "Pathogenic", 1,
    )  # fmt: skip


def test_every_file_finds_its_reader(shared_data: Path, tmp_path: Path) -> None:
    genomics = shared_data / "genomics"
    (tmp_path / "cohort.vcf.gz.tbi").write_bytes(b"\x1f\x8b")
    expected = {
        genomics / "clinvar_samples/clinvar.vcf": "clinvar_vcf",
        genomics / "pgsc_calc/assets/examples/target_genomes/cineca_synthetic_subset.vcf.gz": "vcf",
        genomics / "pgsc_calc/assets/examples/scorefiles/PGS001229_22.txt": "pgs_score",
        genomics / "pharmcat/preprocessor/raw.bcf": "vcf",
        tmp_path / "cohort.vcf.gz.tbi": "vcf_index",
    }
    for path, name in expected.items():
        assert choose(Landed(path, "genome"), READERS).name == name

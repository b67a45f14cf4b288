"""twin vcf ingest, twin findings and twin pgs score, with good and bad input; scores compared across ancestries."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest
from typer.testing import CliRunner

from genomics.ancestry import Components, normalise_scores, read_components
from lake.quarantine import BadFile
from orchestration.cli import app
from tests.genomics.vcf_text import write_vcf

RECORDS = [
    "chr1 100 rs1 A C . PASS . GT 0/1 1/1",
    "chr1 200 . A C,G . PASS . GT 1/2 ./.",
    "chr1 0x . A C . PASS . GT 0/1 0/0",
    "chr1 50 . G T . PASS . GT 0/1 0/0",
    "chr22 300 . G <DEL> . PASS . GT 0/1 0/0",
]


def twin(*arguments: object) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, [str(one) for one in arguments])
    return outcome.exit_code, outcome.output


def test_ingest_writes_tables_and_adds_up(tmp_path: Path) -> None:
    vcf, out = write_vcf(tmp_path / "a.vcf", RECORDS, ["p", "q"]), tmp_path / "out"
    status, output = twin("vcf", "ingest", vcf, "--out", out, "--json")
    assert status == 1
    (done,) = json.loads(output)["files"]
    assert (done["read"], done["accepted"], done["rejected"], done["reasons"]) == (5, 4, 1, {"invalid_pos": 1})
    assert done["read"] == done["accepted"] + done["rejected"] + sum(done["ignored"].values())
    assert not done["is_sorted"]
    for table, rows in done["rows"].items():
        assert pq.read_table(out / table / "a.vcf.parquet").num_rows == rows
    quarantined = pq.read_table(out / "quarantine" / "a.vcf.parquet").to_pylist()
    assert [(one["position"], one["reason"]) for one in quarantined] == [("line 11", "invalid_pos")]
    assert twin("vcf", "ingest", write_vcf(tmp_path / "b.vcf", RECORDS[:1], ["r", "s"]), "--out", out)[0] == 0


def test_ingest_refuses_what_it_must_not_guess(tmp_path: Path) -> None:
    good = write_vcf(tmp_path / "a.vcf", RECORDS[:2], ["p", "q"])
    packed = Path(pysam.tabix_index(str(good), preset="vcf", force=True, keep_original=True))
    cut = tmp_path / "cut.vcf.gz"
    cut.write_bytes(packed.read_bytes()[:-30])
    wrong = write_vcf(tmp_path / "w.vcf", ["chr19 45411941 rs429358 T C . . . GT 0/1"], ["x"])
    twice = write_vcf(tmp_path / "t.vcf", RECORDS[:1], ["y", "y"])
    again = write_vcf(tmp_path / "again.vcf", RECORDS[:1], ["z", "q"])
    out = tmp_path / "out"
    status, output = twin("vcf", "ingest", good, cut, wrong, twice, again, "--out", out, "--json")
    found = json.loads(output)
    assert status == 1
    assert [Path(one["path"]).name for one in found["files"]] == ["a.vcf"]
    assert {Path(name).name: one["reason"] for name, one in found["refused"].items()} == {
        "cut.vcf.gz": "truncated_bgzf", "w.vcf": "build_mismatch", "t.vcf": "duplicate_sample",
        "again.vcf": "sample_in_two_files",
    }  # fmt: skip
    assert {path.name for path in out.rglob("*") if path.is_file()} == {"a.vcf.parquet"}


CLINVAR = """##fileformat=VCFv4.1
##reference=GRCh38
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Significance">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
1\t1000\t1\tCTT\tCT\t.\t.\tALLELEID=1;CLNSIG=Pathogenic;CLNREVSTAT=reviewed_by_expert_panel;GENEINFO=BRCA2:675;CLNDN=x
1\t2000\t2\tG\tA\t.\t.\tALLELEID=2;CLNSIG=Likely_pathogenic;CLNREVSTAT=criteria_provided,_single_submitter;GENEINFO=ZZZ3:1
1\t3000\t3\tG\tA\t.\t.\tALLELEID=3;CLNSIG=Pathogenic;CLNREVSTAT=no_assertion_criteria_provided;GENEINFO=BRCA1:672
"""


def test_findings_are_withheld_without_consent(tmp_path: Path) -> None:
    release = tmp_path / "clinvar.vcf"
    release.write_text(CLINVAR)
    records = ["chr1 1000 . CT C . . . GT 0/1", "chr1 2000 . G A . . . GT ./1", "chr1 3000 . G A . . . GT 1/1"]
    vcf = write_vcf(tmp_path / "a.vcf", records, ["p"])
    found = json.loads(twin("findings", vcf, "--clinvar", release, "--json")[1])
    assert [one["gene"] for one in found["findings"]] == ["ZZZ3"]
    assert found["withheld_without_consent"] == 1
    found = json.loads(twin("findings", vcf, "--clinvar", release, "--consent", "--json")[1])
    assert {(one["gene"], one["zygosity"], one["status"]) for one in found["findings"]} == {
        ("BRCA2", "heterozygous", "reportable"), ("ZZZ3", "at_least_one_copy", "low_quality"),
    }  # fmt: skip
    status, output = twin("findings", vcf, "--clinvar", release)
    assert (status, "1 in genes of the ACMG SF list are withheld" in output) == (0, True)
    release.write_text(CLINVAR.replace("GRCh38", "GRCh37"))
    status, output = twin("findings", vcf, "--clinvar", release)
    assert (status, "build_mismatch" in output) == (1, True)
    assert twin("findings", vcf, "--clinvar", tmp_path / "none.vcf")[0] == 2


SCORE = """#pgs_id=PGS1
#genome_build=GRCh38
rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight
rs1\t1\t100\tC\tA\t0.5
rs2\t1\t300\tG\tT\t1.0
"""


def test_scores_of_one_file(tmp_path: Path) -> None:
    weights = tmp_path / "PGS1.txt"
    weights.write_text(SCORE)
    records = ["chr1 100 rs1 A C . PASS . GT 0/1 1/1", "chr1 300 rs2 G T . PASS . GT 0/0 ./."]
    vcf, audit = write_vcf(tmp_path / "a.vcf", records, ["p", "q"]), tmp_path / "audit.csv"
    status, output = twin("pgs", "score", vcf, weights, "--audit", audit, "--json")
    rows = {row["sample"]: row for row in json.loads(output)}
    assert status == 1  # half of q's weights have no genotype
    assert (rows["p"]["sum"], rows["p"]["status"]) == (2.5, "ok")
    assert (rows["q"]["n_not_assessed"], rows["q"]["status"]) == (1, "low_call_rate")
    assert len(audit.read_text().splitlines()) == 3
    weights.write_text(SCORE.replace("GRCh38", "GRCh37"))
    assert twin("pgs", "score", vcf, weights)[0] == 1
    assert twin("pgs", "score", vcf, tmp_path / "none.txt")[0] == 2


@pytest.fixture(scope="module")
def panel() -> tuple[Components, np.ndarray]:
    """Three populations of 400: the score's mean and its spread depend on the components. Also what is planted."""
    random = np.random.default_rng(7)
    centres = {"AFR": (-3.0, 0.0), "EUR": (2.0, 2.0), "EAS": (1.0, -3.0)}
    labels = [name for name in centres for _ in range(400)]
    pcs = np.array([centres[name] for name in labels]) + random.normal(0, 0.5, (1200, 2))
    noise = random.normal(0, 1, 1200)
    sums = 4 * pcs[:, 0] - pcs[:, 1] + np.exp(0.2 * pcs[:, 0]) * noise
    held = set(range(0, 1200, 10))
    populations = [None if index in held else name for index, name in enumerate(labels)]
    names = [f"{name}_{index}" for index, name in enumerate(labels)]
    return Components(names, populations, pcs, {"PGS1": sums}), noise


def test_scores_across_ancestries_become_comparable(panel: tuple[Components, np.ndarray]) -> None:
    components, noise = panel
    held = [index for index, told in enumerate(components.populations) if told is None]
    scores = pa.table(
        {
            "sample": [components.samples[index] for index in held],
            "pgs_id": ["PGS1"] * len(held),
            "sum": components.scores["PGS1"][held],
        }
    )
    rows = normalise_scores(scores, components).to_pylist()
    truth = [name.split("_")[0] for name in scores["sample"].to_pylist()]
    assert [row["most_similar_population"] for row in rows] == truth
    one, two = (np.array([row[name] for row in rows]) for name in ("z_norm1", "z_norm2"))
    planted = noise[held]
    # the second remedy gives back what was planted; the first leaves each population its own spread
    assert np.corrcoef(two, planted)[0, 1] > 0.995
    assert np.abs(two - planted).mean() < 0.1
    spread = {name: one[np.array(truth) == name].std() for name in ("AFR", "EUR")}
    assert spread["EUR"] / spread["AFR"] > 1.8
    for name in ("AFR", "EUR", "EAS"):
        assert abs(one[np.array(truth) == name].mean()) < 0.35
        percentile = [row["percentile_most_similar"] for row in rows if row["most_similar_population"] == name]
        assert 38 < np.mean(percentile) < 62


def test_components_that_cannot_be_used(tmp_path: Path, panel: tuple[Components, np.ndarray]) -> None:
    table = tmp_path / "pcs.tsv"
    for text in ("sample\tPC1\nA\t1\n", "IID\tpopulation\tPC1\nA\tX\tone\n", "IID\tpopulation\tPC1\tPGS1\nA\tX\t\t1\n"):
        table.write_text(text)
        with pytest.raises(BadFile, match="invalid_components"):
            read_components(table, ["PGS1"])
    table.write_text("#IID\tpopulation\tPC1\tPC2\tPGS1\nA\tX\t1\t2\t0.5\nB\t\t1\t2\t\n")
    found = read_components(table, ["PGS1"])
    assert (found.samples, found.populations, found.pcs.shape) == (["A", "B"], ["X", None], (2, 2))
    scores = pa.table({"sample": ["nobody"], "pgs_id": ["PGS1"], "sum": [1.0]})
    with pytest.raises(BadFile, match="no_components"):
        normalise_scores(scores, panel[0])


def test_what_a_score_file_says_in_vain_is_told(tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "a.vcf", ["chr1 100 . G A . . . GT 0/1"], ["p"])
    score = tmp_path / "s.txt"
    lines = [
        "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight",
        "1\t100\tA\tG\t0.5",
        "1\t200\tA\tG\tmuch",
    ]
    for build, status in (("GRCh38", 0), ("GRCh37", 1)):
        score.write_text(f"#pgs_id=PGS1\n#genome_build={build}\n" + "\n".join(lines) + "\n")
        found, output = twin("pgs", "score", vcf, score)
        assert found == status
        flat = " ".join(output.split())
        assert ("5 invalid_weight" in flat) == (build == "GRCh38")
        assert ("the VCF is on GRCh38, the scores on GRCh37" in flat) == (build == "GRCh37")

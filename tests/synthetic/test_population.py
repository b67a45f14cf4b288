"""The causal model: marginal rates, genetics, drug effects, and an oracle that is right about the future."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic import chunks, genome, hazards, oracle, states
from synthetic.clock import DATA_CUTOFF, GRID, STUDY_START, YEARS, utc_offset_minutes
from synthetic.history import History, simulate
from synthetic.people import People, draw
from synthetic.randomness import stream
from synthetic.states import Traits
from synthetic.variants import ANCESTRIES, catalogue, column

N = 8_000


@pytest.fixture(scope="module")
def cohort() -> tuple[People, genome.Genome, History]:
    people = draw(stream(11, "people"), 0, N)
    genes = genome.draw(stream(11, "genome"), people.ancestry, people.male)
    traits = Traits(
        people.age_at(STUDY_START), people.male.astype(float), people.ancestry, people.pm2_5, genome.true_scores(genes),
        genes.copies("rs429358"), genes.copies("rs7412"), genes.carries(("BRCA1", "BRCA2", "PALB2")).astype(float),
        genes.carries(("MLH1", "MSH2")).astype(float), genes.carries(("LDLR", "APOB")).astype(float),
    )  # fmt: skip
    return people, genes, simulate(traits, stream(11, "health"))


def _first(history: History, task: oracle.Task) -> np.ndarray:
    never = np.datetime64("2200-01-01")
    return np.min([np.where(np.isnat(history.onset[c]), never, history.onset[c]) for c in task.conditions], axis=0)


def _incidence(history: History, task: oracle.Task, k: int) -> float:
    """Share of those at risk at grid point k with the event within the horizon, deaths counted as no event."""
    first = _first(history, task)
    free = (first >= GRID[k]) & (np.isnat(history.death) | (history.death >= GRID[k]))
    return float(((first < GRID[min(k + task.years, YEARS)]) & free).sum() / free.sum())


def test_event_rates_suit_an_enriched_cohort(cohort: tuple) -> None:
    """The issue's targets: type 2 diabetes 10-12 % in 5 years, ASCVD 15-20 % in 10 years (sampling error allowed)."""
    history = cohort[2]
    t2d, ascvd = oracle.TASKS
    assert 0.085 < _incidence(history, t2d, 2) < 0.135
    assert 0.145 < _incidence(history, ascvd, 2) < 0.205


def test_oracle_agrees_with_what_happens(cohort: tuple) -> None:
    """Mean predicted and observed risk within three standard errors, overall and in the tails."""
    history = cohort[2]
    for risks in oracle.risks(history, np.random.default_rng(5))[::6]:
        task = next(task for task in oracle.TASKS if task.name == risks.task)
        happened = _first(history, task)[risks.person] < GRID[2 + task.years]
        order = np.argsort(risks.risk)
        for part in (order, order[: len(order) // 2], order[-len(order) // 10 :]):
            expected = risks.risk[part].mean()
            error = np.sqrt(expected * (1 - expected) / len(part))
            assert abs(happened[part].mean() - expected) < 3.5 * error + 0.002


def test_oracle_orders_people(cohort: tuple) -> None:
    from lifelines.utils import concordance_index

    history = cohort[2]
    for risks in oracle.risks(history, np.random.default_rng(5))[::6]:
        task = next(task for task in oracle.TASKS if task.name == risks.task)
        end = np.fmin(history.death, DATA_CUTOFF)[risks.person]
        first = _first(history, task)[risks.person]
        time = (np.minimum(first, end) - GRID[2]).astype(float)
        assert concordance_index(time, -risks.risk, first <= end) > 0.77


def test_people_are_as_enrolled(cohort: tuple) -> None:
    people, _, history = cohort
    age = (people.enrolled - people.birth).astype(float) / 365.25
    assert age.min() >= 40
    assert age.max() <= 76
    assert 0.46 < people.male.mean() < 0.52
    assert np.bincount(people.ancestry, minlength=len(ANCESTRIES)).min() > 0.05 * N
    assert (history.death[~np.isnat(history.death)] >= np.datetime64("2016-07-01")).all()
    assert people.enrolled.max() < np.datetime64("2016-07-01")


def test_genotypes_follow_hardy_weinberg_within_an_ancestry(cohort: tuple) -> None:
    """Chi-square of the genotype counts, autosomal common variants, largest ancestry; 1 % may fail at 0.001."""
    people, genes, _ = cohort
    rows = people.ancestry == 0
    dosage = genes.dosage[rows].astype(float)
    common = [
        j for j, v in enumerate(catalogue()) if v.kind == "common" and v.chrom != "chrX" and v.frequency[0] > 0.02
    ]
    p = dosage[:, common].mean(axis=0) / 2
    n = rows.sum()
    statistic = sum(
        ((dosage[:, common] == g).sum(axis=0) - e * n) ** 2 / (e * n)
        for g, e in ((0, (1 - p) ** 2), (1, 2 * p * (1 - p)), (2, p**2))
    )
    assert (statistic > 10.83).mean() < 0.01
    expected = np.array([catalogue()[j].frequency[0] for j in common])
    assert np.abs(p - expected).max() < 5 * np.sqrt(0.25 / (2 * n))


def test_star_allele_haplotypes_are_coherent(cohort: tuple) -> None:
    """No chromosome carries two CYP2C19 alleles, APOE e2 with e4, or TPMT *3B (rs1800460 without rs1142345)."""
    alleles = cohort[1].alleles
    for left, right in (("rs4244285", "rs12248560"), ("rs429358", "rs7412"), ("rs1799853", "rs1057910")):
        assert not (alleles[:, column(left)] & alleles[:, column(right)]).any()
    assert (alleles[:, column("rs1142345")] >= alleles[:, column("rs1800460")]).all()


def test_men_have_one_x(cohort: tuple) -> None:
    people, genes, _ = cohort
    on_x = [j for j, v in enumerate(catalogue()) if v.chrom == "chrX"]
    assert (genes.alleles[people.male][:, on_x, 1] == -2).all()
    assert (genes.alleles[~people.male] >= 0).all()


def test_true_scores_are_standardised(cohort: tuple) -> None:
    for score in genome.true_scores(cohort[1]).values():
        assert abs(score.mean()) < 0.06
        assert abs(score.std() - 1) < 0.06


def test_planted_directions(cohort: tuple) -> None:
    """Scores, activity and HbA1c separate those who get diabetes from those who do not."""
    history = cohort[2]
    state = history.states[2]
    free = state["t2d"] == 0
    case = free & ~np.isnat(history.onset["t2d"])
    for name, sign in (("pgs_t2d", 1), ("activity", -1), ("a1c", 1), ("bmi", 1), ("rhr", 1)):
        spread = state[name][free].std()
        assert sign * (state[name][case].mean() - state[name][free & ~case].mean()) > 0.15 * spread


def test_drugs_act_on_the_labs() -> None:
    """Statin 35-45 % off LDL (STELLAR), metformin about 1 % off HbA1c, one antihypertensive about 9 mmHg (Law 2009)."""
    chunk = chunks.live(3, 0, chunks.CHUNK, None)  # type: ignore[arg-type]
    visits, _ = chunk.visits()
    from synthetic import measuring

    table = measuring.values(chunk.people, chunk.history, visits, np.random.default_rng(1))
    person, when = visits.person, visits.when
    on = chunk.history.on("statin", person, when)
    ratio = table["ldl_cholesterol"] / chunk.history.level("ldl", person, when)
    assert 0.35 < 1 - ratio[on].mean() < 0.45
    assert abs(ratio[~on].mean() - 1) < 0.02
    assert states.METFORMIN_A1C == 1.0
    lower = chunk.history.level("sbp", person, when) - table["systolic_bp"]
    one = chunk.history.on("bp_drugs", person, when) & ~chunk.history.on("bp_drugs_2", person, when)
    assert abs(lower[one].mean() - 9) < 1.5


def test_hazards_name_only_known_covariates(cohort: tuple) -> None:
    known = hazards.covariates(cohort[2].states[0])
    for terms in hazards.COEFFICIENTS.values():
        assert set(terms) - {"intercept"} <= set(known)


def test_local_time_agrees_with_the_zone_database() -> None:
    """zoneinfo (IANA) as the judge, every 6 hours over the study; the repeated hour of November is avoided."""
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    utc = np.arange("2014-01-01T02:30", "2026-07-01", dtype="datetime64[m]")[:: 6 * 60]
    zone = ZoneInfo("America/New_York")
    moments = [datetime.fromisoformat(str(t)).replace(tzinfo=UTC).astimezone(zone) for t in utc]
    local = np.array([m.replace(tzinfo=None) for m in moments], dtype="datetime64[m]")
    expected = [int(m.utcoffset().total_seconds() // 60) for m in moments]  # type: ignore[union-attr]
    assert utc_offset_minutes(local).tolist() == expected

"""Ranking treatments: what must hold whatever the numbers, and the dose-response layers against the meta-analyses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from orchestration.cli.program import app
from simulation.treatment import layers
from simulation.treatment.compare import Dose, Option, Person, Ranked, compare

runner = CliRunner()
JANE = Person(person_id="jane", risk_10y=0.15, sbp=154, ldl=4.0, gfr=80)
NOTHING = Option(name="nothing")
STATIN = Option(name="statin", drugs=(Dose(drug="atorvastatin", mg=20),))
WEAKER = Option(name="weaker", drugs=(Dose(drug="simvastatin", mg=10),))
PRESSURE = Option(name="pressure", drugs=(Dose(drug="losartan", mg=50),))
BOTH = Option(name="both", drugs=(Dose(drug="atorvastatin", mg=20), Dose(drug="losartan", mg=50)))
CODEINE = Option(name="codeine", drugs=(Dose(drug="codeine", mg=30),))


def by_name(found: list[Ranked]) -> dict[str, Ranked]:
    return {one.option: one for one in found}


def test_pressure_falls_as_law_measured() -> None:
    """Law 2003: 9.1 mmHg at standard dose, 7.1 at half, 1.0 more per 10 mmHg higher, three half doses 20 from 150."""
    drugs = {"hydrochlorothiazide": 25, "metoprolol": 100, "lisinopril": 10, "losartan": 50, "amlodipine": 5}
    one = [float(layers.pressure_fall(name, mg, 154)) for name, mg in drugs.items()]
    half = [float(layers.pressure_fall(name, mg / 2, 154)) for name, mg in drugs.items()]
    higher = [float(layers.pressure_fall(name, mg, 164)) for name, mg in drugs.items()]
    assert np.mean(one) == pytest.approx(9.1, abs=0.5)
    assert np.mean(half) == pytest.approx(7.1, abs=0.5)
    assert np.mean(higher) - np.mean(one) == pytest.approx(1.0, abs=0.2)
    three = ("hydrochlorothiazide", "lisinopril", "amlodipine")
    assert sum(float(layers.pressure_fall(name, drugs[name] / 2, 150)) for name in three) == pytest.approx(20, abs=2)


def test_ldl_falls_as_stellar_measured() -> None:
    """STELLAR 2003: rosuvastatin 10 mg -46 %, atorvastatin 10 -37, simvastatin 40 -39, pravastatin 40 -30."""
    for name, mg, share in (("rosuvastatin", 10, 0.46), ("atorvastatin", 10, 0.37), ("simvastatin", 40, 0.39)):
        assert layers.ldl_share(name, mg) == pytest.approx(share, abs=0.02)
    assert layers.ldl_share("atorvastatin", 40) - layers.ldl_share("atorvastatin", 20) == pytest.approx(0.06, abs=0.015)


def test_zero_dose_changes_nothing() -> None:
    zero = Option(name="zero", drugs=(Dose(drug="losartan", mg=0), Dose(drug="atorvastatin", mg=0)))
    found = by_name(compare([JANE], [NOTHING, zero]))
    assert (
        (found["zero"].benefit, found["zero"].harm) == (0.0, 0.0) == (found["nothing"].benefit, found["nothing"].harm)
    )
    assert float(layers.pressure_fall("losartan", 0, 120)) == 0.0


def test_a_dominated_option_never_stands_above_its_dominator() -> None:
    generator = np.random.default_rng(3)
    people = [
        Person(
            person_id=str(n),
            risk_10y=float(generator.uniform(0.01, 0.5)),
            sbp=float(generator.uniform(100, 200)),
            ldl=float(generator.uniform(1, 7)),
        )
        for n in range(40)
    ]
    found = compare(people, [NOTHING, STATIN, WEAKER, PRESSURE, BOTH, CODEINE], draws=200)
    for person in people:
        mine = [one for one in found if one.person_id == person.person_id and one.rank]
        for a in mine:
            for b in mine:
                if a.benefit >= b.benefit and a.harm <= b.harm and (a.benefit, a.harm) != (b.benefit, b.harm):  # type: ignore[operator]
                    assert a.rank < b.rank  # type: ignore[operator]
                    assert not b.on_front
        assert sum(one.p_best or 0 for one in mine) == pytest.approx(1)


def test_an_irrelevant_option_does_not_reorder() -> None:
    few = compare([JANE], [NOTHING, STATIN, PRESSURE])
    more = compare([JANE], [CODEINE, NOTHING, WEAKER, STATIN, PRESSURE])
    kept = [one for one in more if one.option in {"nothing", "statin", "pressure"}]
    assert [one.option for one in kept] == [one.option for one in few]
    assert [one.net for one in kept] == [one.net for one in few]


@pytest.mark.parametrize("phenotype", ["Poor Metabolizer", "Ultrarapid Metabolizer"])
def test_some_never_get_codeine(phenotype: str) -> None:
    """CPIC 2021: avoid codeine in CYP2D6 poor (no effect) and ultrarapid (toxic) metabolisers."""
    person = JANE.model_copy(update={"phenotypes": {"CYP2D6": phenotype}})
    found = by_name(compare([person], [CODEINE, NOTHING]))
    assert found["codeine"].status == "excluded"
    assert phenotype in found["codeine"].reasons[0]
    assert found["codeine"].rank is None


def test_kidney_pregnancy_and_interaction_exclude() -> None:
    metformin = Option(name="metformin", drugs=(Dose(drug="metformin", mg=1000),))
    simvastatin = Option(name="simvastatin", drugs=(Dose(drug="simvastatin", mg=20),))
    person = Person(
        person_id="p", risk_10y=0.1, sbp=140, ldl=3, gfr=20, conditions=("pregnancy",), medications=("itraconazole",)
    )
    found = by_name(compare([person], [metformin, simvastatin, PRESSURE, NOTHING]))
    assert "filtration rate 20 below 30" in found["metformin"].reasons[0]
    assert any("times the usual with itraconazole" in one for one in found["simvastatin"].reasons)
    assert found["pressure"].status == "excluded"
    assert found["nothing"].rank == 1


def test_what_is_not_known_is_said_not_guessed() -> None:
    found = by_name(compare([Person(person_id="x", risk_10y=0.1, sbp=150)], [STATIN, PRESSURE]))
    assert found["statin"].status == "unknown"
    assert found["statin"].reasons == ("not known: ldl",)
    assert found["pressure"].rank == 1


def test_an_impossible_dose_is_refused() -> None:
    with pytest.raises(layers.ImpossibleDose, match="losartan 5000 mg a day is impossible; 0 to 100 mg"):
        compare([JANE], [Option(name="x", drugs=(Dose(drug="losartan", mg=5000),))])
    with pytest.raises(layers.ImpossibleDose, match="no drug 'aspirine'"):
        compare([JANE], [Option(name="x", drugs=(Dose(drug="aspirine", mg=100),))])


def test_treat_as_a_command(tmp_path: Path) -> None:
    options, person = tmp_path / "options.yaml", tmp_path / "jane.yaml"
    options.write_text("- {name: nothing}\n- {name: statin, drugs: [{drug: atorvastatin, mg: 20}]}\n")
    person.write_text("{person_id: jane, risk_10y: 0.15, sbp: 150, ldl: 4.1, gfr: 70}")
    result = runner.invoke(app, ["treat", str(person), "--options", str(options), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["note"] == "research use, not for care"
    assert [one["option"] for one in found["ranking"]] == ["statin", "nothing"]
    assert "research use, not for care" in runner.invoke(app, ["treat", str(person), "--options", str(options)]).output
    options.write_text("- {name: statin, drugs: [{drug: atorvastatin, mg: 2000}]}\n")
    result = runner.invoke(app, ["treat", str(person), "--options", str(options)])
    assert result.exit_code == 2
    assert "impossible" in result.output


def test_a_person_is_read_from_the_snapshot_as_known_now() -> None:
    """Latest current value, open conditions, a phenotype only where samples agree; an unknown person is refused."""
    import duckdb

    from simulation.people import UnknownPerson, read

    with duckdb.connect() as connection:
        connection.execute("""
            create schema core; create schema marts_risk;
            create table core.twin_person as select 'P1' as person_id, 'female' as sex, date '1960-01-01' as birth_date,
                timestamp '2026-01-01' as last_observed_at;
            create table core.twin_measurement as from (values
                ('P1', 'systolic_bp', 150.0, timestamp '2024-01-01', null::timestamp, 'insert'),
                ('P1', 'systolic_bp', 140.0, timestamp '2025-01-01', null, 'insert'),
                ('P1', 'systolic_bp', 240.0, timestamp '2025-02-01', null, 'retract'),
                ('P1', 'ldl_cholesterol', 116.01, timestamp '2025-01-01', null, 'insert')
            ) as t(person_id, concept, value_std, event_at, superseded_at, op);
            create table core.twin_condition as from (values
                ('P1', 'asthma', null::timestamp, null::timestamp, 'insert'),
                ('P1', 'gout', timestamp '2020-01-01', null, 'insert')
            ) as t(person_id, concept, event_end_at, superseded_at, op);
            create table core.twin_medication as from core.twin_condition limit 0;
            create table core.twin_genome_diplotype as from (values
                ('P1', 'CYP2D6', 'Poor Metabolizer'), ('P1', 'CYP2C19', 'Normal Metabolizer'),
                ('P1', 'CYP2C19', 'Poor Metabolizer')
            ) as t(person_id, gene, phenotype);
            create table marts_risk.risk_current as select 'P1' as person_id, 'ascvd_10y' as task, 0.12 as risk;
        """)
        (twin,) = read(connection, ["P1"])
        found = twin.person
        assert twin.inputs["age_years"] == pytest.approx(66, abs=0.01)
        assert twin.inputs["is_male"] == 0
        assert (found.sbp, found.gfr, found.risk_10y) == (140.0, None, 0.12)
        assert found.ldl == pytest.approx(3.0, abs=0.001)
        assert found.conditions == ("asthma",)
        assert found.phenotypes == {"CYP2D6": "Poor Metabolizer"}
        with pytest.raises(UnknownPerson):
            read(connection, ["P1", "P2"])

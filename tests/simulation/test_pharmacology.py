"""Doses and exposures against published figures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from orchestration.cli.program import app
from simulation import outlook
from simulation.pharmacology.exposure import UnknownDrug, exposure
from simulation.pharmacology.warfarin import ImpossibleInput, weekly_dose
from simulation.scenario import Happening, Scenario

runner = CliRunner()


@pytest.mark.parametrize(
    ("dose", "arguments"),
    [
        (43.33, {"vkorc1": "GG", "cyp2c9": "*1/*1"}),
        (26.97, {"vkorc1": "AG", "cyp2c9": "*1/*2"}),
        (15.60, {"vkorc1": "AA", "cyp2c9": "*1/*3"}),
        (8.45, {"age": 72, "height": 165, "weight": 70, "vkorc1": "AG", "cyp2c9": "*3/*3"}),
        (36.39, {"vkorc1": "GG", "cyp2c9": "*1/*1", "amiodarone": True}),
    ],
)
def test_iwpc_dose_of_the_stated_persons(dose: float, arguments: dict[str, object]) -> None:
    """IWPC 2009 with the coefficients of the appendix; unless stated 65 years, 175 cm, 80 kg, white."""
    person = {"age": 65, "height": 175, "weight": 80, "race": "white", **arguments}
    assert weekly_dose(**person) == pytest.approx(dose, abs=0.01)  # type: ignore[arg-type]


def test_a_genotype_outside_the_equation_is_refused() -> None:
    with pytest.raises(ImpossibleInput, match=r"CYP2C9 '\*1/\*8'"):
        weekly_dose(60, 170, 70, "GG", "*1/*8")
    with pytest.raises(ImpossibleInput, match="weight"):
        weekly_dose(60, 170, 700)


def test_morphine_after_codeine_by_genotype() -> None:
    """Kirchheiner 2007: 11 (5-17) ug*h/L in extensive, 16 (10-24) in ultrarapid metabolisers; poor ones about 5 %."""
    auc = {name: exposure("codeine", {"CYP2D6": name}, dose=30).metabolite_auc or 0 for name in ("PM", "EM", "UM")}
    assert 5 <= auc["EM"] <= 17
    assert 10 <= auc["UM"] <= 24
    assert auc["UM"] / auc["EM"] == pytest.approx(1.45, abs=0.3)
    assert auc["PM"] < 0.15 * auc["EM"]
    assert exposure("codeine", {"CYP2D6": "UM"}, dose=0).metabolite_auc == 0


def test_simvastatin_acid_by_transporter() -> None:
    """Pasanen 2006: AUC of the acid 221 % larger in c.521CC than in TT, 120 % larger than in TC; the drug's alike."""
    by_function = {name: exposure("simvastatin", {"SLCO1B1": f"{name} Function"}) for name in ("Poor", "Decreased")}
    assert by_function["Poor"].metabolite_ratio == pytest.approx(3.21, rel=0.01)
    assert by_function["Decreased"].metabolite_ratio == pytest.approx(3.21 / 2.2, rel=0.1)
    assert by_function["Poor"].ratio == pytest.approx(1)
    assert by_function["Poor"].reasons == ("SLCO1B1 Poor Function",)


def test_interactions_are_within_twofold_of_what_was_seen(shared_data: Path) -> None:
    """Medians of 56 published arms of midazolam with four partners."""
    rows = {row["id"]: row for row in csv.DictReader((shared_data / "sim/literature_targets.csv").open())}
    seen = [float(one) for one in rows["ddi1"]["expected"].split("AUCR ")[1].split(" over")[0].split("/")]
    partners = ("ketoconazole", "itraconazole", "clarithromycin", "rifampicin")
    for partner, ratio in zip(partners, seen, strict=True):
        assert 0.5 < exposure("midazolam", others=[partner]).ratio / ratio < 2, partner


@pytest.mark.parametrize(
    ("drug", "amount", "per_litre", "own"),
    [
        ("Morphine", 5.64, 1e3, {"CL": 101.0, "V": 231.0, "ka": 60.0, "F": 1.0}),
        ("Acetaminophen", 500.0, 1.0, {"CL": 21.0, "V": 66.0, "ka": 4.0, "F": 0.88}),
        ("Furosemide", 40.0, 1e3, {"CL": 7.0, "V": 9.1, "ka": 60.0, "F": 1.0}),
    ],
)
def test_one_compartment_is_within_twofold_of_plotted_curves(
    shared_data: Path, drug: str, amount: float, per_litre: float, own: dict[str, float]
) -> None:
    """Digitised plasma curves (BioGears; by vein, acetaminophen by mouth) against `oral_dose`, AUC over the same hours.

    Clearance, volume and availability of a person of 70 kg from textbook values per kg (Goodman and Gilman; from
    memory, unverified): morphine 24 mL/min/kg and 3.3 L/kg, acetaminophen 5 and 0.95, furosemide 1.7 and 0.13.
    """
    path = shared_data / f"sim/biogears/doc/validation/Pharmacokinetic/{drug}.csv"
    with path.open() as lines:
        seconds, seen = np.array([[float(one) for one in row] for row in list(csv.reader(lines))[1:] if row]).T
    hours = seconds / 3600
    scenario = Scenario(
        name=drug,
        duration=hours[-1],
        steps=400,
        step=0.005,
        interventions=(Happening(at=0.0, dose=drug.lower(), amount=amount),),
    )
    told = [outlook.Outcome("AUC", "AUC", "last")]
    found = outlook.run("oral_dose", {"x": own}, scenario, members=1, outcomes=told)
    auc = np.interp([hours[0], hours[-1]], found.times, found.courses["AUC"][:, 0, 0])
    ratio = (auc[1] - auc[0]) / np.trapezoid(seen / per_litre, hours)
    assert 0.5 < ratio < 2, ratio


def test_nothing_changes_where_nothing_acts() -> None:
    assert exposure("midazolam").ratio == pytest.approx(1)
    assert exposure("midazolam", {"CYP2D6": "PM"}).ratio == pytest.approx(1)
    assert exposure("metformin", gfr=30).ratio == pytest.approx(100 / 30)
    assert exposure("clopidogrel", {"CYP2C19": "IM"}).metabolite_ratio == pytest.approx(1 - 0.324, abs=1e-3)
    with pytest.raises(UnknownDrug, match="no drug 'aspirine'"):
        exposure("aspirine")


def test_pk_auc_as_a_command() -> None:
    result = runner.invoke(app, ["pk", "auc", "codeine", "--genotype", "CYP2D6=PM", "--dose", "30", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["metabolite_auc"] < 1
    assert found["note"] == "research use, not for care"
    result = runner.invoke(app, ["pk", "auc", "midazolam", "--with", "ketoconazole"])
    assert result.exit_code == 0
    assert "unverified" in result.output
    for arguments in (["codein"], ["codeine", "--genotype", "CYP2D6"], ["codeine", "--dose", "-3"]):
        assert runner.invoke(app, ["pk", "auc", *arguments]).exit_code == 2
    result = runner.invoke(
        app,
        [
            "pk",
            "warfarin",
            "--age",
            "65",
            "--height",
            "175",
            "--weight",
            "80",
            "--vkorc1",
            "GG",
            "--cyp2c9",
            "*1/*1",
            "--race",
            "white",
        ],
    )
    assert "43.33" in result.output


def test_a_gene_that_no_drug_depends_on_is_told() -> None:
    result = runner.invoke(app, ["pk", "auc", "codeine", "--genotype", "CYP2D66=PM"])
    assert result.exit_code == 2
    assert "SLCO1B1" in result.output

"""The treatments that every build compares: what a first visit would weigh, and doing nothing more."""

from __future__ import annotations

from simulation.treatment.compare import Dose, Option

STANDARD: tuple[Option, ...] = (
    Option(name="no change"),
    Option(name="weight loss 5 kg", weight_loss_kg=5),
    Option(name="atorvastatin 20 mg", drugs=(Dose(drug="atorvastatin", mg=20),)),
    Option(name="simvastatin 20 mg", drugs=(Dose(drug="simvastatin", mg=20),)),
    Option(name="losartan 50 mg", drugs=(Dose(drug="losartan", mg=50),)),
    Option(name="amlodipine 5 mg", drugs=(Dose(drug="amlodipine", mg=5),)),
    Option(
        name="atorvastatin 20 mg and losartan 50 mg",
        drugs=(Dose(drug="atorvastatin", mg=20), Dose(drug="losartan", mg=50)),
    ),
    Option(
        name="atorvastatin 20 mg, losartan 50 mg and weight loss 5 kg",
        drugs=(Dose(drug="atorvastatin", mg=20), Dose(drug="losartan", mg=50)),
        weight_loss_kg=5,
    ),
)

"""``twin pk``: doses and exposures by genotype, kidney function and other drugs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from orchestration.cli.failures import OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json
from orchestration.cli.sbml import RESEARCH_USE

app = typer.Typer(cls=OneLine, no_args_is_help=True, help="Drug exposure and dose.", rich_markup_mode="rich")


@app.command()
def auc(
    drug: Annotated[str, typer.Argument(help="The drug, in lower case.")],
    genotype: Annotated[
        list[str] | None, typer.Option("--genotype", help="GENE=PHENOTYPE, such as CYP2D6=PM; may be repeated.")
    ] = None,
    others: Annotated[
        list[str] | None, typer.Option("--with", help="A drug taken at the same time; may be repeated.")
    ] = None,
    gfr: Annotated[float | None, typer.Option("--gfr", help="Filtration rate, mL/min/1.73 m2.")] = None,
    dose: Annotated[float | None, typer.Option("--dose", help="mg.")] = None,
    as_json: AsJson = False,
) -> None:
    """Exposure relative to a person with normal enzymes and kidneys who takes nothing else.

    Example: twin pk auc codeine --genotype CYP2D6=PM --dose 30
    """
    from simulation.pharmacology.exposure import UnknownDrug, exposure, genes

    pairs = [one.partition("=") for one in genotype or []]
    if wrong := [gene for gene, sign, name in pairs if not (sign and gene and name)]:
        raise WrongUsage(f"--genotype {wrong[0]}: write GENE=PHENOTYPE, such as CYP2D6=PM")
    if unknown := [gene for gene, _, _ in pairs if gene not in genes()]:
        raise WrongUsage(f"--genotype {unknown[0]}: no drug of the table depends on it; there are {', '.join(genes())}")
    try:
        found = exposure(drug, {gene: name for gene, _, name in pairs}, others or [], gfr=gfr, dose=dose)
    except UnknownDrug as error:
        raise WrongUsage(str(error.args[0])) from None
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    if as_json:
        print_json({"note": RESEARCH_USE, **asdict(found)})
        return
    say = console().print
    say(f"{drug}: AUC {found.ratio:.3g} times the usual")
    if found.metabolite_ratio is not None:
        amount = f", {found.metabolite_auc:.3g} {found.metabolite_unit}" if found.metabolite_auc is not None else ""
        say(f"{found.metabolite}: {found.metabolite_ratio:.3g} times the usual{amount}")
    for reason in found.reasons:
        say(f"  because {reason}", markup=False)
    for source in found.unverified:
        say(f"  unverified figure: {source}", markup=False)
    say(f"{RESEARCH_USE}.")


@app.command()
def warfarin(
    age: Annotated[float, typer.Option("--age", help="Years.")],
    height: Annotated[float, typer.Option("--height", help="cm.")],
    weight: Annotated[float, typer.Option("--weight", help="kg.")],
    vkorc1: Annotated[str, typer.Option("--vkorc1", help="GG, AG, AA or unknown.")] = "unknown",
    cyp2c9: Annotated[str, typer.Option("--cyp2c9", help="Such as *1/*2, or unknown.")] = "unknown",
    race: Annotated[
        str, typer.Option("--race", help="white, asian, black or unknown (the equation's groups).")
    ] = "unknown",
    inducer: Annotated[bool, typer.Option("--inducer", help="Carbamazepine, phenytoin or rifampicin.")] = False,
    amiodarone: Annotated[bool, typer.Option("--amiodarone")] = False,
    as_json: AsJson = False,
) -> None:
    """Weekly warfarin dose by the IWPC equation.

    Example: twin pk warfarin --age 65 --height 175 --weight 80 --vkorc1 AG --cyp2c9 '*1/*2'
    """
    from simulation.pharmacology.warfarin import ImpossibleInput, weekly_dose

    try:
        dose = weekly_dose(
            age,
            height,
            weight,
            vkorc1,
            cyp2c9,
            race,
            inducer=inducer,
            amiodarone=amiodarone,
        )
    except ImpossibleInput as error:
        raise WrongUsage(str(error)) from None
    if as_json:
        print_json({"note": RESEARCH_USE, "mg_per_week": dose, "source": "IWPC 2009, doi:10.1056/NEJMoa0809329"})
    else:
        console().print(f"{dose:.2f} mg per week (IWPC 2009). {RESEARCH_USE}.")

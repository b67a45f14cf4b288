"""``twin pgx``: pharmacogenes of one VCF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

app = typer.Typer(
    cls=OneLine,
    no_args_is_help=True,
    help="Call pharmacogenes: diplotypes, phenotypes and what guidelines say.",
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """A group, whatever number of commands it has."""


@app.command()
def call(
    vcf: Annotated[Path, typer.Argument(metavar="VCF", help="VCF, VCF.gz, BCF or gVCF; an index beside it is used.")],
    definitions: Annotated[
        Path | None,
        typer.Option("--definitions", help="Folder of allele definitions and phenotypes (CPIC, PharmCAT JSON)."),
    ] = None,
    outside_calls: Annotated[
        Path | None, typer.Option("--outside-calls", help="Calls made elsewhere: gene, diplotype, phenotype, score.")
    ] = None,
    gene: Annotated[list[str] | None, typer.Option("--gene", help="Only this gene (may be repeated).")] = None,
    as_json: AsJson = False,
) -> None:
    """Name the diplotypes of every sample. A position that was not assessed is told, never taken for the reference.

    Without --definitions the project's own compact table of the main CPIC genes is used. Research use, not for care.

    Example: twin pgx call sample.vcf.gz --outside-calls cyp2d6.tsv
    """
    from genomics.pgx.call import call_vcf

    for path in (vcf, *([outside_calls] if outside_calls else [])):
        if not path.is_file():
            raise WrongUsage(f"no file at {path}")
    if definitions is not None and not definitions.is_dir():
        raise WrongUsage(f"no folder at {definitions}")
    diplotypes, recommendations = call_vcf(vcf, settings(), definitions=definitions, outside=outside_calls)
    wanted = {one.upper() for one in gene or []}
    rows = [row for row in diplotypes.to_pylist() if not wanted or row["gene"].upper() in wanted]
    if wanted and not rows:
        raise WrongUsage(f"no definition of {', '.join(sorted(wanted))}")
    advice = [row for row in recommendations.to_pylist() if not wanted or row["gene"].upper() in wanted]
    for row in (*rows, *advice):
        row.pop("source")
    if as_json:
        print_json({"diplotypes": rows, "recommendations": advice})
        return
    print_table(
        ("sample", "gene", "diplotype", "or", "score", "phenotype", "status", "missing", "why"),
        [
            (
                row["sample"], row["gene"], row["diplotype"], row["alternatives"], row["activity_score"],
                row["phenotype"], row["status"], len((row["missing_positions"] or "").split(", ")) if
                row["missing_positions"] else 0, row["reason"],
            )
            for row in rows
        ],
    )  # fmt: skip
    if advice:
        print_table(
            ("sample", "gene", "drug", "what the guideline says", "strength", "source"),
            [
                (one["sample"], one["gene"], one["drug"], one["recommendation"], one["strength"], one["citation"])
                for one in advice
            ],
        )
    console().print("Research use, not for care.")

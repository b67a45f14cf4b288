"""``twin findings``: what ClinVar says about the alleles that a VCF's samples carry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings


def findings(
    vcf: Annotated[Path, typer.Argument(metavar="VCF", help="VCF, VCF.gz, BCF or gVCF.")],
    clinvar: Annotated[Path, typer.Option("--clinvar", help="ClinVar's VCF release of the same build.")],
    consent: Annotated[
        bool, typer.Option("--consent", help="The person wants to know of secondary findings (ACMG SF genes).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List carried alleles that ClinVar calls (likely) pathogenic with at least one review star.

    Findings in genes of the ACMG SF list are withheld, and only counted, without --consent. Research use, not for care.

    Example: twin findings sample.vcf.gz --clinvar clinvar.vcf.gz --consent
    """
    from genomics.findings import find_vcf

    for path in (vcf, clinvar):
        if not path.is_file():
            raise WrongUsage(f"no file at {path}")
    rows = find_vcf(vcf, clinvar, settings()).drop_columns(["source"]).to_pylist()
    shown = [row for row in rows if consent or not row["is_secondary"]]
    withheld = len(rows) - len(shown)
    if as_json:
        print_json({"findings": shown, "withheld_without_consent": withheld})
        return
    names = ("sample", "gene", "chrom", "pos", "ref", "alt", "zygosity", "significance", "review_stars", "status")
    if shown:
        print_table((*names, "condition"), [[*(row[name] for name in names), row["condition"]] for row in shown])
    else:
        console().print("no findings")
    if withheld:
        console().print(f"{withheld} in genes of the ACMG SF list are withheld: give --consent to see them")
    console().print("Research use, not for care.")

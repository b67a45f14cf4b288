"""``twin genotype``: raw data of a consumer test as a VCF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table

REASONS = {
    "no_place": "no chromosome or position",
    "not_bases": "the call is no base (insertion, deletion, or a letter that is none)",
    "two_bases_on_y_or_mt": "two bases where a person has one chromosome",
    "column_count": "another number of columns than the header",
    "contig_not_in_reference": "the chromosome is not in the reference genome",
    "same_place_again": "another record of the same position came first",
    "not_in_reference": "the position lies outside the reference genome",
}


def genotype(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Raw data of 23andMe, AncestryDNA, MyHeritage and kin.")],
    fasta: Annotated[Path, typer.Option("--fasta", help="Reference genome of the file's build, mostly GRCh37.")],
    out: Annotated[Path | None, typer.Option("--out", help="What to write: .vcf or .vcf.gz.")] = None,
    sample: Annotated[
        str | None, typer.Option("--sample", help="Name of the sample; default: the file's name.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a consumer genotype file into a VCF. What is left out is counted by reason; a missing call stays missing.

    Example: twin genotype 23andme.txt --fasta GRCh37.fa --out me.vcf.gz
    """
    from genomics.consumer import write_vcf

    for path in (file, fasta):
        if not path.is_file():
            raise WrongUsage(f"no file at {path}")
    target = out or file.with_suffix(".vcf")
    try:
        found, written = write_vcf(file, fasta, target, sample=sample)
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    facts = {"output": str(target), "build": found.build, "read": found.read, "written": written}
    if as_json:
        print_json({**facts, "left_out": dict(found.left_out)})
    else:
        console().print(f"{target}: {written:,} records of {found.read:,} ({found.build})", markup=False)
        if found.left_out:
            rows = [(reason, count, REASONS[reason]) for reason, count in sorted(found.left_out.items())]
            print_table(("left out", "records", "because"), rows)

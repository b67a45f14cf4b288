"""``twin vcf``: VCF, gVCF and BCF files, without a platform around them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.failures import OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings
from orchestration.cli.paths import existing
from orchestration.cli.vcf_qc import qc

if TYPE_CHECKING:
    from genomics.to_parquet import Ingested
    from genomics.validation.validate import Validation

app = typer.Typer(
    cls=OneLine,
    no_args_is_help=True,
    help="Validate, check, normalise and read VCF, gVCF and BCF files.",
    rich_markup_mode=None,
)

VcfFile = Annotated[Path, typer.Argument(metavar="FILE", help="VCF, VCF.gz, BCF or gVCF.")]


@app.callback()
def group() -> None:
    """A group, whatever number of commands it has."""


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="VCF, VCF.gz, BCF or gVCF files.")],
    as_json: AsJson = False,
) -> None:
    """Check files against the VCF specification (4.0 to 4.5): every fault with its line and the reason.

    Exit status 1 if a file is not valid. What the ingest can still use of an invalid file it takes; see `twin vcf
    ingest`.

    Example: twin vcf validate sample.vcf.gz
    """
    from genomics.validation.validate import validate as run

    found = [run(existing(path), settings()) for path in files]
    if as_json:
        print_json([{"is_valid": one.is_valid, **asdict(one)} for one in found])
    else:
        for one in found:
            _show(one)
    if not all(one.is_valid for one in found):
        raise typer.Exit(1)


def _show(one: Validation) -> None:
    facts = [
        one.version or "no version",
        f"{one.samples:,} samples",
        f"{one.records:,} records",
        f"{one.build} ({one.build_evidence})" if one.build_evidence else one.build,
        *(["gVCF"] if one.is_gvcf else []),
        *([] if one.is_sorted else ["not sorted"]),
    ]
    verdict = "valid" if one.is_valid else f"not valid: {sum(one.counts.values()):,} faults"
    console().print(f"{one.path}: {verdict} ({', '.join(facts)})", markup=False)
    if one.is_valid:
        return
    rows = [(fault.line_no or "file", fault.field, fault.rule, fault.detail) for fault in one.faults]
    print_table(("line", "field", "rule", "what is wrong"), rows)
    shown = {rule: sum(fault.rule == rule for fault in one.faults) for rule in one.counts}
    for rule, count in one.counts.items():
        if count > shown[rule]:
            console().print(f"  and {count - shown[rule]:,} more of {rule}", markup=False)


app.command()(qc)


@app.command()
def normalise(
    file: VcfFile,
    fasta: Annotated[Path, typer.Option("--fasta", help="Reference genome that the file was called against.")],
    out: Annotated[Path | None, typer.Option("--out", help="What to write: .vcf, .vcf.gz or .bcf.")] = None,
    split: Annotated[bool, typer.Option("--split/--no-split", help="One record per alternate allele.")] = True,
    atomise: Annotated[bool, typer.Option("--atomise", help="Take complex alleles apart.")] = False,
    as_json: AsJson = False,
) -> None:
    """Left-align, trim and split a file against a reference genome.

    A record whose REF is not what the reference genome has is left out and told, never swapped: exit status 1.

    Example: twin vcf normalise sample.vcf.gz --fasta GRCh38.fa --out sample.norm.vcf.gz
    """
    from genomics.normalised import normalise as run

    target = out or file.with_name(f"{file.name.split('.')[0]}.normalised.vcf.gz")
    if target.resolve() == file.resolve():
        raise WrongUsage("--out must be another file than the input")
    try:
        done = run(existing(file), existing(fasta), target, split=split, atomise=atomise)
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    if as_json:
        print_json(asdict(done))
    else:
        console().print(
            f"{done.output}: {done.written:,} records of {done.records:,}; {done.realigned:,} realigned, "
            f"{done.split:,} split",
            markup=False,
        )
        if done.examples:
            title = f"{done.left_out['ref_mismatch']:,} left out: REF is not what the reference genome has"
            print_table(("contig", "position", "REF", "reference genome"), done.examples, title=title)
    if done.left_out:
        raise typer.Exit(1)


@app.command()
def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="VCF, VCF.gz, BCF or gVCF files.")],
    out: Annotated[Path, typer.Option("--out", help="Folder; gets <table>/<file>.parquet.")],
    as_json: AsJson = False,
) -> None:
    """Read files into Parquet tables: samples, variants, sparse genotypes, callable intervals, structural variants.

    Lines that cannot be used go to the table `quarantine` with line and reason, and the rest is kept; exit status 1
    then. Records read = accepted + rejected + ignored.

    Example: twin vcf ingest sample.vcf.gz --out genome/
    """
    from genomics.to_parquet import ingest as run
    from lake.quarantine import BadFile

    outcomes: list[Ingested] = []
    refused: dict[str, dict[str, str]] = {}
    seen: dict[str, str] = {}
    for path in files:
        try:
            done = run(existing(path), out, settings(), taken=seen)
        except BadFile as error:
            refused[str(path)] = {"reason": error.reason, "detail": error.detail}
            continue
        seen |= dict.fromkeys(done.samples, str(path))
        outcomes.append(done)
    if as_json:
        print_json({"files": [asdict(one) for one in outcomes], "refused": refused})
    else:
        for one in outcomes:
            console().print(
                f"{one.path}: {one.read:,} records = {one.accepted:,} accepted + {one.rejected:,} rejected + "
                f"{sum(one.ignored.values()):,} ignored; {one.build} ({one.build_evidence})"
                f"{'' if one.is_sorted else '; not sorted'}",
                markup=False,
            )
            print_table(("table", "rows"), list(one.rows.items()))
            if one.reasons:
                print_table(("rejected because", "lines"), list(one.reasons.items()))
        for name, why in refused.items():
            console().print(f"{name}: {why['reason']}: {why['detail']}", markup=False, style="bold")
    if refused or any(one.rejected for one in outcomes):
        raise typer.Exit(1)

"""``twin pgs``: polygenic scores of one VCF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

if TYPE_CHECKING:
    from genomics.decode import Problem

MOST_SHOWN = 20

app = typer.Typer(
    cls=OneLine,
    no_args_is_help=True,
    help="Score genomes with scoring files of the PGS Catalog.",
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """A group, whatever number of commands it has."""


@app.command()
def score(
    vcf: Annotated[Path, typer.Argument(metavar="VCF", help="VCF, VCF.gz, BCF or gVCF with one sample or many.")],
    score_files: Annotated[list[Path], typer.Argument(metavar="SCOREFILE…", help="Formatted or harmonised files.")],
    reference_pcs: Annotated[
        Path | None,
        typer.Option(
            "--reference-pcs",
            help="Table of sample, population, PC1 … and the panel's sums per score; it has the VCF's samples too.",
        ),
    ] = None,
    least_match_rate: Annotated[float, typer.Option("--least-match-rate", min=0, max=1)] = 0.75,
    keep_ambiguous: Annotated[bool, typer.Option("--keep-ambiguous", help="Score A/T and C/G variants too.")] = False,
    x_ploidy: Annotated[int, typer.Option("--x-ploidy", min=1, max=2, help="Copies a male's X allele counts for.")] = 2,
    audit: Annotated[Path | None, typer.Option("--audit", help="Write one row per weight to this .csv.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score every sample. Exit status 1 if too few weights match, or too few of them are assessed, for any score.

    A missing genotype takes its expectation, never the reference. Research use, not for care.

    Example: twin pgs score cohort.vcf.gz PGS000018_hmPOS_GRCh38.txt.gz --audit audit.csv
    """
    from genomics.score_file import read_score_file
    from genomics.scoring import Policy, score_vcf

    for path in (vcf, *score_files, *([reference_pcs] if reference_pcs else [])):
        if not path.is_file():
            raise WrongUsage(f"no file at {path}")
    policy = Policy(least_match_rate=least_match_rate, keep_ambiguous=keep_ambiguous, x_ploidy=x_ploidy)
    read = [read_score_file(path, settings()) for path in score_files]
    scores, weights = score_vcf(vcf, read, settings(), policy)
    if not scores.num_rows:
        raise BadData(f"{vcf}: there are no samples to score")
    refused: dict[str, list[Problem]] = {}
    for one in read:
        refused.setdefault(one.pgs_id, []).extend(one.problems)
    compared: dict[tuple[str, str], dict[str, object]] = {}
    if reference_pcs is not None:
        from genomics.ancestry import normalise_scores, read_components

        components = read_components(reference_pcs, sorted(set(scores["pgs_id"].to_pylist())))
        compared = {(row["sample"], row["pgs_id"]): row for row in normalise_scores(scores, components).to_pylist()}
    if audit is not None:
        from pyarrow import csv

        csv.write_csv(weights.drop_columns(["file_id"]), audit)
    rows = []
    for row in scores.drop_columns(["source", "file_id"]).to_pylist():
        lines = {"n_refused_lines": len(refused.get(row["pgs_id"], ()))}
        rows.append({**row, **lines, **compared.get((row["sample"], row["pgs_id"]), {})})
    if as_json:
        print_json(rows)
    else:
        _show(rows)
        told = [(name, one.line_no, one.reason, one.detail) for name, found in refused.items() for one in found]
        if told:
            title = f"{len(told):,} lines of the score files could not be used and count as no weight"
            print_table(("score", "line", "reason", "what is wrong"), told[:MOST_SHOWN], title=title)
        console().print("Research use, not for care.")
    if any(row["status"] != "ok" for row in rows):
        raise typer.Exit(1)


def _show(rows: list[dict[str, object]]) -> None:
    seen: dict[object, dict[str, object]] = {}
    for row in rows:
        seen.setdefault(row["pgs_id"], row)
    names = ("pgs_id", "trait", "build", "n_weights", "n_matched", "n_ambiguous", "n_unmatched", "match_rate")
    print_table(
        ("score", "trait", "build", "weights", "matched", "ambiguous", "unmatched", "match rate"),
        [[one[name] for name in names] for one in seen.values()],
    )
    columns = ["sample", "pgs_id", "sum", "average", "z", "percentile", "n_not_assessed", "status", "reason"]
    further = [name for name in ("most_similar_population", "z_norm1", "z_norm2") if name in rows[0]]
    print_table([*columns, *further], [[row[name] for name in (*columns, *further)] for row in rows])

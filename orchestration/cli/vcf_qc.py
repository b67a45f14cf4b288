"""``twin vcf qc``: the quality of a file's samples and variants, and whether the samples are who they should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings
from orchestration.cli.paths import existing

if TYPE_CHECKING:
    import pyarrow as pa

MOST_SHOWN = 50


def qc(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="VCF, VCF.gz, BCF or gVCF.")],
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet", help="Table of sample, sex, person: who the samples should be; told where they are not."
        ),
    ] = None,
    relatives: Annotated[
        bool, typer.Option("--relatives/--no-relatives", help="Kinship of all pairs of samples.")
    ] = True,
    roh: Annotated[bool, typer.Option("--roh", help="Also runs of homozygosity (reads the file once more).")] = False,
    loadings: Annotated[
        Path | None,
        typer.Option("--loadings", help="Table of chrom, pos, ref, alt, alt_frequency, PC1 …: project the samples."),
    ] = None,
    components: Annotated[
        Path | None, typer.Option("--components", help="Write the projected components to this .csv or .parquet.")
    ] = None,
    variants: Annotated[
        Path | None, typer.Option("--variants", help="Also write one row per variant to this .csv or .parquet.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge samples and variants by their calls: missingness, heterozygosity, Ti/Tv, inbreeding, Hardy-Weinberg, sex,
    relatives; with options also runs of homozygosity and principal components.

    Exit status 1 if a sample has fewer than 95 % of the calls, or is not who the sheet says.

    Example: twin vcf qc cohort.vcf.gz --sheet samples.csv --roh --variants variants.parquet
    """
    from genomics.cohort_qc import cohort_qc
    from genomics.kinship import MOST_SAMPLES
    from genomics.projection import read_loadings
    from genomics.sample_qc import LEAST_CALL_RATE
    from genomics.sample_sheet import alarms, read_sheet

    for path in (variants, components):
        if path is not None and path.suffix.lower() not in (".csv", ".parquet"):
            raise WrongUsage(f"{path}: the ending must be .csv or .parquet")
    if components is not None and loadings is None:
        raise WrongUsage("--components needs --loadings")
    known = read_sheet(existing(sheet)) if sheet else {}
    given = read_loadings(existing(loadings)) if loadings else None
    try:
        found = cohort_qc(existing(file), settings(), relatives=relatives, loadings=given)
    except ValueError as error:
        raise BadData(f"{file}: {error}; give --no-relatives (at most {MOST_SAMPLES:,} samples)") from None
    rows = found.samples.to_pylist()
    if not rows:
        raise BadData(f"{file}: there are no samples to judge")
    poor = [row["sample"] for row in rows if (row["missing_rate"] or 0) > 1 - LEAST_CALL_RATE]
    related = [] if found.relatives is None else found.relatives.to_pylist()
    wrong = alarms(rows, related, known, found.resolution)
    result: dict[str, Any] = {
        "build": found.build,
        "variants": found.variants.num_rows,
        "variants_filtered": found.filtered,
        "samples": rows,
        "poor_samples": poor,
        "relatives": related,
        "least_kinship_told": found.resolution,
        "alarms": wrong,
    }
    if roh:
        from genomics.roh import homozygosity, runs_of_homozygosity

        runs = runs_of_homozygosity(file, len(rows))
        result["roh"] = homozygosity(runs, [row["sample"] for row in rows], found.build).to_pylist()
        result["runs"] = runs.to_pylist()
    if found.components is not None:
        result["components"] = found.components.to_pylist()
        if components is not None:
            _write(found.components, components)
    if variants is not None:
        _write(found.variants, variants)
    if as_json:
        print_json(result)
    else:
        _show(file, result, n_samples=len(rows))
    if poor or wrong:
        raise typer.Exit(1)


def _show(file: Path, result: dict[str, Any], *, n_samples: int) -> None:
    n, filtered = result["variants"], result["variants_filtered"]
    console().print(f"{file}: {n:,} variants on {result['build']}, {filtered:,} more failed a filter", markup=False)
    print_table(
        ("sample", "missing", "missing %", "het", "hom alt", "het/hom", "Ti/Tv", "singletons", "F", "sex by X", "on Y"),
        [
            (
                row["sample"], row["n_missing"], 100 * (row["missing_rate"] or 0.0), row["n_het"],
                row["n_hom_alt"], row["het_hom_ratio"], row["titv"], row["n_singletons"], row["f"],
                row["inferred_sex"], row["y_called"],
            )
            for row in result["samples"]
        ],
    )  # fmt: skip
    if result["poor_samples"]:
        console().print(f"fewer than 95 % of the calls: {', '.join(result['poor_samples'])}", markup=False)
    if n_samples > 1 and result["least_kinship_told"] is not None:
        _show_relatives(result["relatives"], result["least_kinship_told"])
    if "roh" in result:
        print_table(
            ("sample", "runs of 1.5 Mb or more", "share of the autosomes"),
            [(one["sample"], one["n_runs"], one["f_roh"]) for one in result["roh"]],
        )
    if "components" in result:
        names = list(result["components"][0])
        print_table(names, [[one[name] for name in names] for one in result["components"]])
        if any(one["PC1"] is None for one in result["components"]):
            console().print("no components where fewer than three quarters of the loadings' sites are assessed")
    if result["alarms"]:
        names = ["alarm", "sample", "other", "detail"]
        rows = [[one[name] for name in names] for one in result["alarms"]]
        print_table(names, rows, title="not who the sheet says")


def _show_relatives(related: list[dict[str, Any]], resolution: float) -> None:
    if resolution > 0.5:
        console().print("relatives: too few loci to tell them from strangers")
        return
    if not related:
        console().print(f"relatives: none with a kinship of {resolution:.3f} or more, the least that these loci tell")
        return
    names = ("first", "second", "relation", "kinship", "concordance", "n_ibs0", "n_sites")
    print_table(names, [[one[name] for name in names] for one in related[:MOST_SHOWN]])
    if len(related) > MOST_SHOWN:
        console().print(f"and {len(related) - MOST_SHOWN:,} more pairs (--json has all)")


def _write(rows: pa.Table, path: Path) -> None:
    import pyarrow.parquet as pq
    from pyarrow import csv

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".csv":
        csv.write_csv(rows, path)
    else:
        pq.write_table(rows, path)

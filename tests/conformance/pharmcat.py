"""What the shared cases of PharmCAT ask for, read into VCF files and expectations."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from genomics.builds import GRCH37, GRCH38
from genomics.header import FIXED
from genomics.pgx.call import genotypes_at_sites, panel_of
from genomics.pgx.definitions import Definition
from genomics.pgx.matcher import Diplotype, SiteCall, match
from genomics.planner import read_panel
from genomics.scan import delivered
from lake.settings import Settings
from lake.warehouse import memory

Step = list[str]


def write_case(path: Path, steps: list[Step], genes: dict[str, Definition], *, phased: bool) -> Path:
    """A VCF with all positions of the genes a case names: reference, but for the steps' variations and missing ones."""
    male = any(step[0] == "male" for step in steps)
    records: dict[tuple[str, int, str], dict[str, Any]] = {}
    for gene in (step[1] for step in steps if len(step) > 1):
        for site in genes[gene].sites:
            pos, ref, alts = site.places[GRCH38]
            ploidy = 1 if male and genes[gene].chrom == "X" else 2
            records.setdefault(
                (genes[gene].chrom, pos, site.rsid),
                {"ref": ref, "alts": list(alts), "call": ["0"] * ploidy, "set": None},
            )
    for step in steps:
        if step[0] == "missing":
            records = {key: value for key, value in records.items() if key[2] != step[2]}
    for step in steps:
        if step[0].startswith("variation"):
            _vary(records, step)
    lines = [
        "##fileformat=VCFv4.2", "##reference=GRCh38",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">',
        *sorted({f"##contig=<ID=chr{chrom}>" for chrom, _, _ in records}),
        "\t".join(("#CHROM", *FIXED[1:], "FORMAT", "S")),
    ]  # fmt: skip
    for (chrom, pos, rsid), one in sorted(records.items()):
        call = ("|" if phased or one["set"] else "/").join(one["call"])
        keys, fields = ("GT:PS", f"{call}:{one['set']}") if one["set"] else ("GT", call)
        name = rsid if rsid.startswith("rs") else "."
        row = (f"chr{chrom}", str(pos), name, one["ref"], ",".join(one["alts"]), ".", "PASS", ".", keys, fields)
        lines.append("\t".join(row))
    path.write_text("\n".join(lines) + "\n")
    return path


def _vary(records: dict[tuple[str, int, str], dict[str, Any]], step: Step) -> None:
    if step[2].startswith("chr"):
        key, bases = next(key for key in records if key[1] == int(step[3])), step[4:]
    else:
        bases = step[4:] if step[0] == "variationInPhaseSet" else step[3:]
        key = next(key for key in records if key[2] == step[2])
        records[key]["set"] = step[3] if step[0] == "variationInPhaseSet" else None
    one = records[key]
    one["call"] = []
    for base in bases:
        allele = base
        if re.fullmatch(f"del{base[3:]}", base) and len(base) > 3:
            allele = one["ref"][0]  # written in full: REF has the base before
        elif len(base) > 1 and one["ref"].endswith(base):
            allele = one["ref"]
        if allele == ".":
            one["call"].append(".")
        elif allele == one["ref"]:
            one["call"].append("0")
        else:
            one["alts"] += [] if allele in one["alts"] else [allele]
            one["call"].append(str(one["alts"].index(allele) + 1))


def genotypes(vcfs: Sequence[Path], definitions: tuple[Definition, ...]) -> list[dict[str, SiteCall]]:
    """The genotypes of the only sample of each file at the sites of definitions, looked up together."""
    panel = {build: panel_of(definitions, build) for build in (GRCH37, GRCH38)}
    parts: dict[str, list[pa.Table]] = {}
    for number, vcf in enumerate(vcfs):
        for name, rows in read_panel(vcf, panel).items():
            parts.setdefault(name, []).append(delivered(rows, str(number)))
    con = memory(Settings())
    try:
        for name, tables in parts.items():
            con.register(name, pa.concat_tables(tables))
        found = {int(file_id): calls for (_, _, file_id), calls in genotypes_at_sites(con, definitions).items()}
        return [found.get(number, {}) for number in range(len(vcfs))]
    finally:
        con.close()


def matched(
    calls: dict[str, SiteCall], definitions: tuple[Definition, ...], *, all_pairs: bool = False
) -> dict[str, Diplotype]:
    """Diplotypes by gene."""
    return {
        one.gene: match(
            one, {site.rsid: calls[site.rsid] for site in one.sites if site.rsid in calls}, all_pairs=all_pairs
        )
        for one in definitions
    }


def cases(folder: Path, name: str) -> list[dict[str, Any]]:
    """Cases of one of the two files."""
    return json.loads((folder / name).read_text())  # type: ignore[no-any-return]


def in_words(name: str) -> str:
    """A diplotype as PharmCAT's reports print it: ``X (heterozygous)`` for ``Reference/X``."""
    first, _, second = name.partition("/")
    return f"{second} (heterozygous)" if first == "Reference" and second not in ("", "Reference") else name


JAVA_NAMES = {
    "List.of(TextConstants.HOMOZYGOUS_REFERENCE)": ["Reference/Reference"],
    "List.of(TextConstants.UNCALLED)": [],
    "List.of(TextConstants.REFERENCE, TextConstants.REFERENCE)": ["Reference", "Reference"],
    "UNKNOWN_CALL": [],
}


def listed(argument: Any) -> list[str] | None:
    """A list that stands in a check, in JSON or in Java; None where only the name of a variable was kept."""
    if isinstance(argument, list):
        return argument or None
    if argument in JAVA_NAMES:
        return JAVA_NAMES[argument]
    if argument.startswith("List.of("):
        text = argument.removeprefix("List.of(").removesuffix(")")
        text = text.replace("TextConstants.REFERENCE", '"Reference"')
        text = text.replace("DpydHapB3Matcher.HAPB3_ALLELE", '"c.1129-5923C>G, c.1236G>A (HapB3)"')
        return re.findall(r'"((?:[^"])*)"', text)
    return None

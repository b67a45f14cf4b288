"""Allele definitions and phenotypes in the JSON formats of CPIC and PharmCAT, as a user downloads them.

A folder holds ``<GENE>_translation.json`` (positions and named alleles on GRCh38), and may hold ``exemptions.json``
(required and ignored positions, ignored alleles, choices between diplotypes that unphased data cannot tell apart) and
``<GENE>.json`` (functions, activity values, the phenotype of every diplotype). Nothing of them is part of the project.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from genomics.builds import GRCH38, canonical_contig
from genomics.pgx.definitions import Allele, Definition, Site, load_definitions
from lake.quarantine import BadFile

SUFFIX = "_translation.json"

TOXICITY_GENES = frozenset({"CACNA1S", "DPYD", "G6PD", "NUDT15", "RYR1", "TPMT"})
"""Genes whose undocumented variation counts as the reference, because not calling them would hide the documented risk
(PharmCAT, Named Allele Matcher 101: genes of drug toxicity).
"""

NOT_DEFINITIVE = {"CYP2D6": "copies, deletions and hybrids of CYP2D6 cannot be seen in a VCF; give an outside call"}
"""Genes that small variants alone do not decide."""

STRAND_GENES = frozenset({"DPYD", "RYR1"})
"""Genes whose variants are named one by one, several on a strand; what counts is the worst of each strand."""


@cache
def load_definition_files(folder: Path) -> tuple[Definition, ...]:
    """Load all definitions of a folder and its subfolders, by gene; a folder of this project's own YAML works too.

    Raises:
        BadFile: there is no definition, or one cannot be understood; names the file and what is wrong.
    """
    paths = sorted(folder.rglob(f"*{SUFFIX}"))
    if not paths:
        if any(folder.glob("*.yaml")):
            return load_definitions(folder)
        raise BadFile("no_definitions", f"{folder} holds no *{SUFFIX} and no *.yaml")
    exemptions = {gene: one for path in folder.rglob("exemptions.json") for gene, one in _json(path).items()}
    phenotypes = {}
    for path in [*folder.rglob("*.json"), *_sibling(folder)]:
        if not path.name.endswith(SUFFIX) and path.name != "exemptions.json":
            content = _json(path)
            if isinstance(content, dict) and {"gene", "diplotypes", "haplotypes"} <= content.keys():
                phenotypes[content["gene"]] = content
    found = []
    for path in paths:
        try:
            content = _json(path)
            found.append(_definition(content, exemptions.get(content["gene"], {}), phenotypes.get(content["gene"], {})))
        except (KeyError, IndexError, TypeError, StopIteration) as error:
            detail = f"{path.name} is not an allele definition: {type(error).__name__} {error}"
            raise BadFile("invalid_definition", detail) from None
    return tuple(found)


def _sibling(folder: Path) -> list[Path]:
    """PharmCAT keeps phenotypes beside the folder of definitions."""
    return [
        path for parent in (folder.parent, folder.parent.parent) for path in sorted(parent.glob("phenotype/*.json"))
    ]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise BadFile("invalid_definition", f"{path.name} is not JSON: {error}") from None


def _definition(content: dict[str, Any], exempt: dict[str, Any], phenotype: dict[str, Any]) -> Definition:
    # two variants may share a position, of which one is ignored
    ignored = {one["chromosomeHgvsName"] for one in exempt.get("ignoredPositions", [])}
    cores = content.get("suballelesMap") or {}
    names = {
        index: one["rsid"] or f"{one['chromosome']}:{one['position']}"
        for index, one in enumerate(content["variants"])
        if one["chromosomeHgvsName"] not in ignored
    }
    sites = tuple(
        Site(name, {GRCH38: (one["position"], one["ref"], tuple(one["alts"]))})
        for name, one in ((names[index], content["variants"][index]) for index in names)
    )
    positions = {content["variants"][index]["position"]: name for index, name in names.items()}
    activity, function = (
        phenotype.get("activityValues", {}),
        {one["name"]: one["functionValue"] for one in phenotype.get("namedAlleles", [])},
    )
    alleles = [
        Allele(
            name := cores.get(one["name"], one["name"]),
            function.get(name) or "",
            _number(activity.get(name)),
            {names[index]: base for index, base in enumerate(one["alleles"]) if base is not None and index in names},
        )
        for one in content["namedAlleles"]
        if one["name"] not in exempt.get("ignoredAlleles", []) and not one.get("structuralVariant")
    ]
    reference = next(index for index, one in enumerate(content["namedAlleles"]) if one["reference"])
    default = next(one for one in alleles if one.name == content["namedAlleles"][reference]["name"])
    gene = content["gene"]
    return Definition(
        gene=gene,
        chrom=canonical_contig(content["chromosome"]),
        version=str(content["version"]),
        source=f"{content['source']} {content['modificationDate'][:10]}",
        mode="strands" if gene in STRAND_GENES else "star",
        phenotype_by="diplotype",
        sites=sites,
        alleles=(default, *(one for one in alleles if one is not default and one.bases)),
        phenotypes=(),
        undocumented_is_reference=gene in TOXICITY_GENES,
        required=frozenset(positions[one] for one in exempt.get("requiredPositions", []) if one in positions),
        choices=tuple((frozenset(one["list"]), one["pick"]) for one in exempt.get("unphasedDiplotypePriorities", [])),
        diplotypes={_key(one["diplotypekey"]): _result(one) for one in phenotype.get("diplotypes", [])},
        not_definitive=NOT_DEFINITIVE.get(gene),
    )


def _key(copies: dict[str, int]) -> tuple[str, ...]:
    return tuple(sorted(name for name, count in copies.items() for _ in range(count)))


def _result(row: dict[str, Any]) -> tuple[str, float | None]:
    return str(row["generesult"] or row["phenotype"]), _number(row.get("activityScore"))


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None

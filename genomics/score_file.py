"""Polygenic score files of the PGS Catalog, as formatted by authors or harmonised to a build.

Format: https://www.pgscatalog.org/downloads/#scoring_header (versions 1 and 2). In a harmonised file (``##HARMONIZATION
DETAILS``) the columns hm_chr and hm_pos replace the author's, and a row without them could not be placed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from genomics.bgzf import text_batches
from genomics.builds import canonical_build, canonical_contig
from genomics.decode import Problem
from genomics.tables import PGS_WEIGHT
from lake.files import Bounded
from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.settings import Settings
from lake.sink import Sink

EFFECT_TYPES = ("additive", "dominant", "recessive", "dosage")
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NULLS = ("", "NA", "NaN", "nan", "None", ".")


@dataclass(frozen=True)
class ScoreFile:
    """A score: its header, its usable weights as rows of ``pgs_weight``, and the lines that are not."""

    pgs_id: str
    trait: str | None
    build: str
    header: dict[str, str]
    weights: pa.Table
    problems: list[Problem]


def read_score_file(path: Path, settings: Settings | None = None) -> ScoreFile:
    """Read a PGS Catalog scoring file.

    Raises:
        BadFile: no table in it, or the columns that every score needs are missing.
    """
    settings = settings or Settings()
    bounded = Bounded(path.stat().st_size, settings.max_file_bytes, settings.max_ratio)
    text = b"".join(text_batches(path, bounded))
    try:
        lines = text.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise BadFile("invalid_encoding", f"line {line}: the file is not UTF-8") from None
    start = next((index for index, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = dict(match for line in lines[:start] for match in re.findall(r"^#+([\w]+)=(.*?)\s*$", line))
    columns = lines[start].split("\t") if start < len(lines) else []
    needed = {"effect_allele", "effect_weight"} if "dosage_0_weight" not in columns else {"effect_allele"}
    if missing := needed - set(columns):
        raise BadFile("missing_columns", f"line {start + 1}: a scoring file needs {', '.join(sorted(missing))}")
    if len(set(columns)) != len(columns):
        raise BadFile("duplicate_columns", f"line {start + 1}: a column name occurs twice")
    harmonised = {"hm_chr", "hm_pos"} <= set(columns)
    if not harmonised and not {"chr_name", "chr_position"} <= set(columns):
        raise BadFile(
            "missing_columns",
            f"line {start + 1}: no chr_name and chr_position; take the harmonised file of the Catalog",
        )
    body = [(start + 2 + index, line) for index, line in enumerate(lines[start + 1 :]) if line]
    problems = [
        Problem(number, "column_count", f"{line.count(chr(9)) + 1} columns, expected {len(columns)}", line)
        for number, line in body
        if line.count("\t") + 1 != len(columns)
    ]
    body = [one for one in body if one[1].count("\t") + 1 == len(columns)]
    build = canonical_build(header.get("HmPOS_build") if harmonised else header.get("genome_build"))
    name = header.get("pgs_id") or header.get("pgs_name") or path.name.split(".")[0]
    trait = header.get("trait_reported") or header.get("trait_mapped")
    table = _cells(columns, [line for _, line in body])
    numbers = np.array([number for number, _ in body], dtype=np.int64)
    about = {"pgs_id": name, "trait": trait, "build": build}
    weights, faults = _weights(table, numbers, about, harmonised=harmonised)
    problems.extend(
        Problem(int(numbers[row]), reason, detail, body[row][1])
        for reason, detail, rows in faults
        for row in rows.tolist()
    )
    return ScoreFile(name, trait, build, header, weights, problems)


def _cells(columns: list[str], lines: list[str]) -> pa.Table:
    if not lines:
        return pa.table({name: pa.array([], pa.string()) for name in columns})
    text = ("\n".join(lines) + "\n").encode()
    return csv.read_csv(
        pa.py_buffer(text),
        csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=columns),
        csv.ParseOptions(delimiter="\t", quote_char=False, double_quote=False, escape_char=False),
        csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True, null_values=list(_NULLS)
        ),
    ).combine_chunks()


def _weights(
    table: pa.Table, numbers: np.ndarray, about: dict[str, str | None], *, harmonised: bool
) -> tuple[pa.Table, list[tuple[str, str, np.ndarray]]]:
    """Usable rows as ``pgs_weight``, and the faults: reason, detail, rows."""
    size = len(numbers)

    def text(*names: str) -> pa.Array:
        found = [table[one].combine_chunks() for one in names if one in table.column_names]
        return pc.coalesce(*found) if found else pa.nulls(size, pa.string())

    def number(*names: str) -> pa.Array:
        raw = text(*names)
        valid = pc.match_substring_regex(raw, _NUMBER)
        return pc.cast(pc.if_else(valid, raw, pa.scalar(None, pa.string())), pa.float64())

    def flag(column: str) -> np.ndarray:
        return np.asarray(pc.is_in(pc.utf8_lower(text(column)), value_set=pa.array(["true", "1", "t", "yes"])))

    place = ("hm_chr", "hm_pos") if harmonised else ("chr_name", "chr_position")
    contigs = text(place[0]).dictionary_encode()
    canonical = pa.array([canonical_contig(one) for one in contigs.dictionary.to_pylist()], pa.string())
    chrom = canonical.take(contigs.indices)
    position = text(place[1])
    digits = pc.match_substring_regex(position, "^[0-9]{1,10}$")
    pos = pc.cast(pc.if_else(digits, position, pa.scalar(None, pa.string())), pa.int64())
    effect, other = pc.utf8_upper(text("effect_allele")), pc.utf8_upper(text("other_allele", "reference_allele"))
    other = pc.coalesce(other, pc.utf8_upper(text("hm_inferOtherAllele")))
    # an inferred allele list such as A/C is no allele
    other = pc.if_else(pc.match_substring_regex(other, "^[ACGTN]+$"), other, pa.scalar(None, pa.string()))
    weight = number("effect_weight")
    by_dosage = [number(f"dosage_{copies}_weight") for copies in range(3)]
    has_dosage = np.asarray(pc.and_(pc.is_valid(by_dosage[1]), pc.is_valid(by_dosage[2]))) & np.asarray(
        pc.is_null(weight)
    )
    kind = np.where(has_dosage, 3, np.where(flag("is_dominant"), 1, np.where(flag("is_recessive"), 2, 0)))
    complex_row = flag("is_haplotype") | flag("is_diplotype") | flag("is_interaction")
    faults = (
        (
            "haplotype_or_interaction",
            complex_row,
            "weights of haplotypes, diplotypes or interactions are not supported",
        ),
        ("not_placed", np.asarray(pc.or_kleene(pc.is_null(chrom), pc.is_null(pos))), "no chromosome or position"),
        (
            "invalid_effect_allele",
            ~np.asarray(pc.match_substring_regex(effect, "^[ACGTN]+$").fill_null(False)),
            "effect_allele must be bases",
        ),
        ("invalid_weight", np.asarray(pc.is_null(weight)) & ~has_dosage, "effect_weight must be a number"),
        ("same_alleles", np.asarray(pc.equal(effect, other).fill_null(False)), "effect and other allele are the same"),
    )
    keep = np.ones(size, dtype=bool)
    told = []
    for reason, found, detail in faults:
        told.append((reason, detail, np.flatnonzero(found & keep)))
        keep &= ~found
    columns = {
        "record_no": numbers,
        **{key: pa.repeat(pa.scalar(value, pa.string()), size) for key, value in about.items()},
        "rsid": text("hm_rsID", "rsID") if harmonised else text("rsID"),
        "chrom": chrom,
        "pos": pos,
        "effect_allele": effect,
        "other_allele": other,
        "effect_weight": weight,
        "effect_type": pa.array(EFFECT_TYPES).take(pa.array(kind)),
        "allele_frequency": number("allelefrequency_effect"),
        **{f"dosage_{copies}_weight": by_dosage[copies] for copies in range(3)},
    }
    rows = pa.table({one.name: pa.array(columns[one.name], one.type) for one in PGS_WEIGHT.schema}, PGS_WEIGHT.schema)
    return rows.filter(pa.array(keep)), told


def _matches(landed: Landed) -> bool:
    head = landed.text_head
    if not head.startswith("#") or head.startswith("##fileformat"):
        return False
    table = next((line for line in head.split("\n") if not line.startswith("#")), "").rstrip("\r").split("\t")
    return "effect_allele" in table and bool({"effect_weight", "dosage_0_weight"} & set(table))


def _read(landed: Landed, sink: Sink) -> None:
    score = read_score_file(landed.path, sink.settings)
    sink.note("pgs_id", score.pgs_id)
    sink.note("build", score.build)
    sink.write(PGS_WEIGHT.name, score.weights)
    for problem in score.problems:
        sink.reject(
            f"line {problem.line_no}",
            problem.reason,
            problem.detail,
            record_no=problem.line_no,
            table=PGS_WEIGHT.name,
            text=problem.text,
        )
    sink.count(score.weights.num_rows + len(score.problems), score.weights.num_rows)


READER = Reader(
    name="pgs_score",
    description="Polygenic score files of the PGS Catalog, formatted or harmonised.",
    tables=(PGS_WEIGHT,),
    matches=_matches,
    read=_read,
)

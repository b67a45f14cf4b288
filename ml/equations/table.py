"""An equation over any table of inputs: which column feeds which input, in which unit, and what came of every row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from lake.sql import literal
from ml.equations.base import Equation, Floats, Input, evaluate

Convert = Callable[[Floats, str, str, str], Floats]
"""(values, from unit, to unit, input) to values in the other unit; raises ValueError where it does not know how."""

UNKNOWN = {"", "?", "na", "n/a", "nan", "null", "none", "unknown", "."}
_FLAG = {"yes": 1.0, "y": 1.0, "true": 1.0, "t": 1.0, "no": 0.0, "n": 0.0, "false": 0.0, "f": 0.0}
_IDS = ("person_id", "subject_id", "patient_id", "id")
_SUFFIXES = {
    "mmol_mol": "mmol/mol",
    "mg_mmol": "mg/mmol",
    "mmol_l": "mmol/L",
    "umol_l": "umol/L",
    "mg_dl": "mg/dL",
    "mg_l": "mg/L",
    "mg_g": "mg/g",
    "g_dl": "g/dL",
    "g_l": "g/L",
    "meq_l": "mmol/L",  # of bicarbonate, one charge each
    "ml_min_1_73_m2": "mL/min/{1.73_m2}",
    "percent": "%",
    "pct": "%",
    "mmhg": "mm[Hg]",
    "years": "a",
    "kg": "kg",
    "cm": "cm",
}
ALIASES: dict[str, tuple[str, ...]] = {
    "age": ("age_years", "ages", "t1"),
    "sex_male": ("sex", "gender", "male", "is_male"),
    "black": ("race", "ethnicity", "race_black"),
    "total_cholesterol": ("total_c", "total_chol", "totchol", "tot_chol", "tchol", "tc", "cholesterol", "chol_total"),
    "hdl_cholesterol": ("hdl_c", "hdl", "hdlc", "total_hdl", "chol_hdl"),
    "systolic_bp": ("sbp", "sysbp", "systolic", "systolic_blood_pressure"),
    "diastolic_bp": ("dbp", "diabp", "diastolic"),
    "bp_medication": ("bp_tx", "bp_med", "bp_meds", "bpmeds", "bp_treatment", "antihypertensive"),
    "diabetes": ("dm", "have_diabetes", "diabetic"),
    "smoking": ("smoker", "current_smoker", "is_current_smoker", "is_cuurent_smoker", "cursmoke", "smoke"),
    "bmi": ("body_mass_index",),
    "hypertension": ("htn",),
    "region": ("risk_region",),
    "age_at_diagnosis": ("diabetes_age", "agediab"),
    "creatinine": ("cr", "scr", "serum_creatinine"),
    "cystatin_c": ("cys", "cystatin"),
    "uacr": ("acr", "albumin_creatinine_ratio"),
    "phosphate": ("phosphorus", "phosphorous"),
    "calcium_score": ("cac",),
    "lipid_medication": ("lipid_med", "hld_med"),
    "family_history": ("fh_heartattack",),
    "sdi_decile": ("sdi",),
    "projection_age": ("t2",),
    "biopsies": ("n_biop",),
    "atypical_hyperplasia": ("hypplas",),
    "age_menarche": ("agemen",),
    "age_first_birth": ("age1st",),
    "relatives": ("n_rels",),
    "copd": ("chronic_obstructive_pulmonary_disease",),
    "personal_cancer": ("cancer_hist",),
    "family_lung_cancer": ("family_hist_lung_cancer",),
    "current_smoker": ("smoking_status",),
    "cigarettes_per_day": ("smoking_intensity",),
    "smoking_years": ("duration_smoking",),
    "quit_years": ("smoking_quit_time",),
    "body_weight": ("weight",),
    "ast": ("got", "aspartate_aminotransferase"),
    "alt": ("gpt", "alanine_aminotransferase"),
    "platelets": ("plt", "platelet_count"),
    "insulin": ("fasting_insulin",),
    "fasting_glucose": ("glucose",),
    "apoe_e4": ("apoe",),
}
"""Other names under which an input is found, besides its own."""


class BadTable(ValueError):
    """The table cannot feed the equation; the message says which column and what to do."""


@dataclass(frozen=True)
class Column:
    """Which column fed an input, and the unit its header declares (None: the equation's own)."""

    input: str
    header: str
    unit: str | None


@dataclass(frozen=True)
class TableResult:
    """What an equation said about a table.

    Attributes:
        columns, ignored: headers that were read, and those that were not.
        rows, with_result: how many.
        counts: per input how often it was defaulted, out_of_range, impossible, missing or unreadable.
        table: row (from 1), the table's own identifier if it has one, result, per row the inputs concerned, and a note
            where the inputs contradict each other.
    """

    equation: Equation
    columns: tuple[Column, ...]
    ignored: tuple[str, ...]
    rows: int
    with_result: int
    counts: dict[str, dict[str, int]]
    table: pa.Table


def read(path: Path, *, typed: bool = False) -> pa.Table:
    """Read a CSV (also gzipped), Parquet or JSON file.

    Args:
        typed: a CSV's columns become numbers where all their values are; else they stay text.

    Raises:
        BadTable: it is none of these, cannot be parsed, or has no rows.
    """
    if not path.is_file():
        raise BadTable(f"{path} is not a file")
    name = path.name.lower().removesuffix(".gz")
    quoted = literal(path)
    kind = "nullstr = ['', 'NA', 'NaN', 'nan']" if typed else "all_varchar = true"
    source = {
        ".csv": f"read_csv({quoted}, header = true, {kind})",
        ".tsv": f"read_csv({quoted}, header = true, {kind}, delim = '\t')",
        ".parquet": f"read_parquet({quoted})",
        ".json": f"read_json({quoted})",
        ".ndjson": f"read_json({quoted}, format = 'newline_delimited')",
        ".jsonl": f"read_json({quoted}, format = 'newline_delimited')",
    }.get(Path(name).suffix)
    if source is None:
        raise BadTable(f"{path.name}: a table is a .csv, .tsv, .parquet, .json or .ndjson file")
    try:
        with duckdb.connect(":memory:") as connection:
            found = connection.sql(f"select * from {source}").to_arrow_table()
    except duckdb.Error as error:
        raise BadTable(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from None
    if not found.num_rows:
        raise BadTable(f"{path.name} has no rows")
    return found


def compute(
    equation: Equation, table: pa.Table, *, mapping: Mapping[str, str] | None = None, convert: Convert | None = None
) -> TableResult:
    """Evaluate an equation over a table.

    A column feeds the input of its name, or of one of ``ALIASES``; its unit may stand in the header, as in
    ``hba1c [mmol/mol]`` or ``hdl_mmol_l``. A value that cannot be understood gives its row no result.

    Args:
        mapping: input to header, optionally ``header@unit``, where the header does not say it.
        convert: how a declared unit is converted to the equation's; without it, only the equation's units are taken.

    Raises:
        BadTable: a mapped column is absent, two columns feed one input, a needed input has no column, or a unit
            cannot be converted.
        ml.equations.base.ImpossibleUnit: the values cannot be in the unit.
    """
    columns, ignored = match(equation, table.column_names, mapping or {})
    inputs = {one.name: one for one in equation.inputs}
    absent = [one.name for one in equation.inputs if one.default is None and one.name not in {c.input for c in columns}]
    if absent:
        raise BadTable(
            f"{equation.name} needs {', '.join(absent)}, which no column feeds; the table has"
            f" {', '.join(table.column_names)}. Rename columns, or map them with --column {absent[0]}=HEADER"
        )
    given: dict[str, Floats] = {}
    unreadable: dict[str, np.ndarray] = {}
    for one in columns:
        values, bad = numbers(table.column(one.header), inputs[one.input])
        expected = inputs[one.input].unit
        if one.unit is not None and one.unit != expected:
            if convert is None:
                raise BadTable(f"{one.header}: {equation.name} takes {one.input} in {expected}, not {one.unit}")
            try:
                values = convert(values, one.unit, expected, one.input)
            except ValueError as error:
                raise BadTable(f"{one.header}: {error}") from None
        given[one.input], unreadable[one.input] = values, bad
    result = evaluate(equation, given)
    nothing = np.zeros(table.num_rows, bool)
    unread = np.stack([unreadable.get(name, nothing) for name in result.inputs], axis=1)
    value = np.where(unread.any(axis=1), np.nan, result.risk)
    kinds = {
        "defaulted": result.defaulted & ~unread,
        "out_of_range": result.out_of_range,
        "impossible": result.impossible,
        "missing": result.missing & ~unread,
        "unreadable": unread,
    }
    counts = {
        name: {kind: int(flags[:, i].sum()) for kind, flags in kinds.items() if flags[:, i].any()}
        for i, name in enumerate(result.inputs)
    }
    out = {"row": pa.array(range(1, table.num_rows + 1), pa.int64())}
    if identifier := next((name for name in table.column_names if name.lower() in _IDS), None):
        out["id"] = table.column(identifier).cast(pa.string()).combine_chunks()
    out[equation.result if equation.result in ("risk", "points") else "value"] = pa.array(value, from_pandas=True)
    for kind, flags in kinds.items():
        out[kind] = pa.array(_named(result.inputs, flags), pa.string())
    explained = (unread | result.impossible | result.missing | result.out_of_range).any(axis=1)
    silent = np.isnan(value) & ~explained
    out["note"] = pa.array(np.where(silent, "the equation has no result for these inputs together", ""), pa.string())
    known = {name: found for name, found in counts.items() if found}
    return TableResult(equation, columns, ignored, table.num_rows, int(np.isfinite(value).sum()), known, pa.table(out))


def match(
    equation: Equation, headers: Iterable[str], mapping: Mapping[str, str]
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return which header feeds which input, and the headers that feed none."""
    headers = list(headers)
    names = {one.name for one in equation.inputs}
    found: dict[str, Column] = {}
    for name, target in mapping.items():
        header, _, unit = target.partition("@")
        if name not in names:
            raise BadTable(f"{equation.name} has no input {name!r}; its inputs are: {', '.join(sorted(names))}")
        if header not in headers:
            raise BadTable(f"there is no column {header!r}; the table has {', '.join(headers)}")
        found[name] = Column(name, header, unit or _declared(header)[1])
    taken = {one.header for one in found.values()}
    offered: dict[str, list[tuple[int, Column]]] = {}
    for header in headers:
        if header in taken:
            continue
        plain, declared = _declared(header)
        for name in names - set(found):
            known = (name, *ALIASES.get(name, ()))
            if plain in known:
                offered.setdefault(name, []).append((known.index(plain), Column(name, header, declared)))
    for name, candidates in offered.items():
        best = min(rank for rank, _ in candidates)
        if len(chosen := [column for rank, column in candidates if rank == best]) > 1:
            listed = ", ".join(one.header for one in chosen)
            raise BadTable(f"{name} could be read from {listed}; say which with --column {name}=HEADER")
        found[name] = chosen[0]
    used = {one.header for one in found.values()}
    order = [one.name for one in equation.inputs]
    return (
        tuple(sorted(found.values(), key=lambda one: order.index(one.input))),
        tuple(header for header in headers if header not in used),
    )


def numbers(column: pa.ChunkedArray, one: Input) -> tuple[Floats, np.ndarray]:
    """Return a column as numbers (n,), NaN where unknown, and which values could not be understood (n,)."""
    kind = column.type
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(float)
        return _known(values, one), np.zeros(len(values), bool)
    text = column.cast(pa.string()).to_pandas()
    distinct = {value: _number(value, one) for value in text.unique()}
    read_as = text.map(lambda value: distinct[value][0]).to_numpy(float)
    return _known(read_as, one), text.map(lambda value: distinct[value][1]).to_numpy(bool)


def _known(values: Floats, one: Input) -> Floats:
    return np.where(np.isin(values, one.unknown), np.nan, values) if one.unknown else values


def _number(value: str | None, one: Input) -> tuple[float, bool]:
    """Return the number that a text means and whether it could not be understood."""
    plain = str(value).strip().lower() if isinstance(value, str) else ""
    if plain in UNKNOWN:
        return np.nan, False
    is_flag = one.unit == "1" and (one.low, one.high) == (0, 1)
    if plain in one.codes:
        return float(one.codes[plain]), False
    if is_flag and plain in _FLAG:
        return _FLAG[plain], False
    try:
        return float(plain), False
    except ValueError:
        return np.nan, True


def _declared(header: str) -> tuple[str, str | None]:
    """Return the plain name of a header and the unit it declares."""
    if bracketed := re.fullmatch(r"(.*?)\s*\[(.+)\]\s*", header):
        return _plain(bracketed[1]), bracketed[2].strip()
    plain = _plain(header)
    for suffix, unit in _SUFFIXES.items():
        if plain.endswith("_" + suffix):
            return plain.removesuffix("_" + suffix), unit
    return plain, None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _named(names: tuple[str, ...], flags: np.ndarray) -> list[str]:
    found = np.full(len(flags), "", dtype=object)
    for number, name in enumerate(names):
        here = flags[:, number]
        found[here] = np.where(found[here] == "", name, found[here] + ("," + name))
    return [str(one) for one in found]

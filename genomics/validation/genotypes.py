"""FORMAT and the genotype columns of a batch against the specification."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.validation.meta import Meta
from genomics.validation.reserved import reserved_keys
from genomics.validation.values import wrong_count, wrong_type

if TYPE_CHECKING:
    from genomics.validation.records import Batch

_PLAIN_KEY = re.compile(r"[A-Za-z0-9]+")
_DECLARED_KEY = re.compile(r"[A-Za-z_][0-9A-Za-z_.]*")
_GENOTYPE = re.compile(r"(?:[0-9]+|\.)(?:[/|](?:[0-9]+|\.))*")
_PREFIXED = re.compile(r"[/|]?(?:[0-9]+|\.)(?:[/|](?:[0-9]+|\.))*")
_LENGTHLESS = (4, 4)
"""From this version on a list may be empty."""


def check_genotypes(batch: Batch) -> None:
    """Check FORMAT, and the samples' fields of each distinct FORMAT together."""
    formats = batch.column(8).dictionary_encode()
    which = np.asarray(formats.indices)
    for code, text in enumerate(formats.dictionary.to_pylist()):
        rows = np.flatnonzero(which == code)
        keys = text.split(":")
        if text == ".":
            continue
        fault = _format_fault(keys, batch.meta)
        if fault:
            batch.mark(rows, "FORMAT", "format", fault)
        else:
            _check_samples(batch, rows, keys)


def _format_fault(keys: list[str], meta: Meta) -> str | None:
    for key in keys:
        # 4.1 and 4.2 know letters and digits only, yet GATK writes MIN_DP: taken where the header declares it
        good = _PLAIN_KEY.fullmatch(key) or (
            _DECLARED_KEY.fullmatch(key) and (key in meta.format or meta.version >= (4, 3))
        )
        if not good:
            return "a key is empty, or has characters that an undeclared key must not have"
    if "GT" in keys[1:]:
        return "GT must be the first key"
    if len(set(keys)) != len(keys):
        return "a key stands twice"
    return None


def _check_samples(batch: Batch, rows: np.ndarray, keys: list[str]) -> None:
    n_samples = batch.n_columns - 9
    at = (rows[:, None] * batch.n_columns + np.arange(9, batch.n_columns)).ravel()
    fields = pc.split_pattern(batch.tokens.take(pa.array(at)).cast(pa.string()), ":")
    line = np.repeat(rows, n_samples)
    lengths = np.asarray(pc.list_value_length(fields))
    batch.mark(line[lengths > len(keys)], "sample", "sample_fields", "a sample has more fields than FORMAT has keys")
    first, flat = np.asarray(fields.offsets)[:-1], pc.list_flatten(fields)
    ploidy, reserved = np.zeros(len(line), dtype=np.int64), reserved_keys("FORMAT", batch.meta.version)
    for number, key in enumerate(keys):
        # fields may be left out at the end
        held = np.flatnonzero(lengths > number)
        values = flat.take(pa.array(first[held] + number))
        if batch.meta.version < _LENGTHLESS:
            empty = np.asarray(pc.equal(values, ""))
            batch.mark(line[held][empty], "sample", "sample_empty", f"{key} is empty; a missing value is written .")
        if key == "GT":
            ploidy[held] = _check_calls(batch, line[held], values)
            continue
        declared = batch.meta.format.get(key) or reserved.get(key)
        if declared is None:
            continue
        bad = wrong_type(values, key, declared.type, reserved=False)
        batch.mark(line[held][bad], "sample", "sample_type", f"{key} must be {declared.type}")
        bad = wrong_count(values, declared, batch.n_alts[line[held]], ploidy[held])
        detail = f"{key} has another number of values than Number={declared.number} asks for here"
        batch.mark(line[held][bad], "sample", "sample_number", detail)


def _check_calls(batch: Batch, line: np.ndarray, values: pa.Array) -> np.ndarray:
    """Check genotypes; returns their ploidy, 0 where nothing is called. Files have few distinct genotypes."""
    codes = values.dictionary_encode()
    which = np.asarray(codes.indices)
    spelled = _PREFIXED if batch.meta.version >= (4, 4) else _GENOTYPE
    facts = []
    for text in codes.dictionary.to_pylist():
        alleles = re.split(r"[/|]", text.lstrip("/|"))
        numbers = [int(one) for one in alleles if one.isdigit()]
        valid = spelled.fullmatch(text) is not None
        facts.append((valid, max(numbers, default=-1), len(alleles) if numbers else 0))
    valid, highest, ploidy = (np.array(column)[which] for column in zip(*facts, strict=True))
    batch.mark(line[~valid], "sample", "genotype", "GT must be allele numbers or . separated by / or |")
    # hts-specs counts a genotype 0|1 beside ALT . as valid
    beyond = valid & (highest > np.maximum(batch.n_alts[line], 1))
    batch.mark(line[beyond], "sample", "genotype_allele", "GT names an allele that ALT does not have")
    return np.where(valid, ploidy, 0)

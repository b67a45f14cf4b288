"""Samples projected onto principal components that somebody else computed: loadings are given, never fitted here.

A component of a sample is the sum over sites of loading times (dosage - 2f) / sqrt(2f(1-f)), with f the alternate
allele's frequency in the panel that the loadings come from (Patterson 2006, doi:10.1371/journal.pgen.0020190). A site
that is not assessed adds nothing, and the sum is scaled up to all sites; below three quarters of them there is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from genomics.builds import canonical_contig
from genomics.normalise import trim
from lake.quarantine import BadFile

LEAST_ASSESSED = 0.75
_COMPONENT = re.compile(r"PC(\d+)", re.IGNORECASE)
_NAMES = {
    "chrom": ("chrom", "chr", "chromosome"),
    "pos": ("pos", "position", "bp"),
    "ref": ("ref", "other_allele"),
    "alt": ("alt", "counted_allele"),
    "alt_frequency": ("alt_frequency", "alt_freqs", "af"),
}


@dataclass(frozen=True)
class Loadings:
    """Sites as chrom:pos:ref:alt, trimmed; the alternate allele's frequency; loadings, sites x components."""

    sites: pa.Array
    alt_frequency: np.ndarray
    weights: np.ndarray


def read_loadings(path: Path) -> Loadings:
    """Read a table by tabs or commas: chrom, pos, ref, alt, alt_frequency, PC1 …

    Raises:
        BadFile: a column is missing, a value is not a number, a frequency is not between 0 and 1, or a site is twice.
    """
    with path.open("rb") as file:
        delimiter = "\t" if b"\t" in file.readline() else ","
    try:
        table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=delimiter))
    except pa.ArrowInvalid as error:
        raise BadFile("invalid_loadings", f"{path.name}: not a table: {str(error).splitlines()[0][:200]}") from None
    names = {name.lstrip("#").lower(): name for name in table.column_names}
    found = {what: next((names[one] for one in spelt if one in names), None) for what, spelt in _NAMES.items()}
    numbered = sorted((int(match[1]), name) for name in table.column_names if (match := _COMPONENT.fullmatch(name)))
    absent = [what for what, name in found.items() if name is None]
    if absent or not numbered:
        raise BadFile(
            "invalid_loadings", f"no column {', '.join(absent or ['PC1'])}; expected {', '.join(_NAMES)}, PC1 …"
        )
    try:
        pos, frequency, *weights = (
            np.asarray(pc.cast(table[str(name)].combine_chunks(), kind))
            for name, kind in (
                (found["pos"], pa.int64()),
                (found["alt_frequency"], pa.float64()),
                *((name, pa.float64()) for _, name in numbered),
            )
        )
    except pa.ArrowInvalid:
        raise BadFile("invalid_loadings", f"{path.name}: positions, frequencies and loadings must be numbers") from None
    if not (np.isfinite(np.column_stack(weights)).all() and ((frequency > 0) & (frequency < 1)).all()):
        raise BadFile(
            "invalid_loadings", f"{path.name}: a loading is missing, or a frequency does not lie between 0 and 1"
        )
    ref, alt = (pc.utf8_upper(table[str(found[name])].combine_chunks()) for name in ("ref", "alt"))
    pos, ref, alt = trim(pos, ref, alt)
    contigs = pc.cast(table[str(found["chrom"])].combine_chunks(), pa.string()).dictionary_encode()
    chrom = pa.array([canonical_contig(name) for name in contigs.dictionary.to_pylist()]).take(contigs.indices)
    sites = _sites(chrom, pa.array(pos), ref, alt)
    if len(pc.unique(sites)) != len(sites):
        raise BadFile("invalid_loadings", f"{path.name}: a site is listed twice")
    return Loadings(sites, frequency, np.column_stack(weights))


class Projection:
    """Components of samples, from sites that come batch by batch."""

    def __init__(self, loadings: Loadings, n_samples: int) -> None:
        """Start with no sites."""
        self._loadings = loadings
        self._sums = np.zeros((n_samples, loadings.weights.shape[1]))
        self._assessed = np.zeros(n_samples, dtype=np.int64)
        self._seen = np.zeros(len(loadings.sites), dtype=bool)

    def add(self, variants: pa.Table, dosage: np.ndarray) -> None:
        """Add more sites.

        Args:
            variants: chrom, pos, ref, alt, trimmed.
            dosage: variants x samples, copies of the alternate allele, -1 not assessed.
        """
        where = pc.index_in(
            _sites(*(variants[name].combine_chunks() for name in ("chrom", "pos", "ref", "alt"))),
            value_set=self._loadings.sites,
        )
        rows = np.flatnonzero(np.asarray(pc.is_valid(where)))
        if not len(rows):
            return
        which = np.asarray(where.fill_null(0))[rows]
        # of records that repeat a variant the first counts
        _, first = np.unique(which, return_index=True)
        first = first[~self._seen[which[first]]]
        rows, which = rows[first], which[first]
        self._seen[which] = True
        copies = dosage[rows].astype(np.float64)
        frequency = self._loadings.alt_frequency[which][:, None]
        assessed = copies >= 0
        standard = np.where(assessed, (copies - 2 * frequency) / np.sqrt(2 * frequency * (1 - frequency)), 0.0)
        self._sums += standard.T @ self._loadings.weights[which]
        self._assessed += assessed.sum(axis=0)

    def table(self, names: list[str]) -> pa.Table:
        """One row per sample: sample, n_assessed, share_assessed, PC1 … (null below three quarters of the sites)."""
        share = self._assessed / max(len(self._seen), 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = self._sums / share[:, None]
        few = share < LEAST_ASSESSED
        columns: dict[str, pa.Array] = {
            "sample": pa.array(names, pa.string()),
            "n_assessed": pa.array(self._assessed),
            "share_assessed": pa.array(share),
        }
        for index in range(scaled.shape[1]):
            columns[f"PC{index + 1}"] = pa.array(scaled[:, index], mask=few)
        return pa.table(columns)


def _sites(chrom: pa.Array, pos: pa.Array, ref: pa.Array, alt: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(chrom, pc.cast(pos, pa.string()), ref, alt, ":")

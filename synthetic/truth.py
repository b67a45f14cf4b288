"""The truth folder: what the generator knows. Only tests and benchmarks may read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthetic import genome, hazards, oracle
from synthetic.chunks import Chunk
from synthetic.clock import DATA_CUTOFF
from synthetic.names import REGIONS
from synthetic.people import PLATFORMS
from synthetic.variants import ANCESTRIES, TRAITS, catalogue

_TABLES = ("identity", "person", "onset", "risk")


class Truth:
    """Writes the truth of one chunk after another; memory does not grow with the population."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._dirt = (folder / "dirt.jsonl").open("wb")

    def add(self, chunk: Chunk) -> None:
        """Append everything that is true of one chunk."""
        for name, table in zip(_TABLES, (_identity(chunk), _person(chunk), _onset(chunk), _risk(chunk)), strict=True):
            if name not in self._writers:
                self._writers[name] = pq.ParquetWriter(
                    self.folder / f"{name}.parquet", table.schema, compression="zstd"
                )
            self._writers[name].write_table(table)
        self._dirt.write(chunk.dirt.lines())

    def dirt(self, lines: bytes) -> None:
        """Append dirt that belongs to no chunk."""
        self._dirt.write(lines)

    def close(self) -> None:
        """Finish all files and write the effects of the variants."""
        for writer in self._writers.values():
            writer.close()
        self._dirt.close()
        pq.write_table(effects(), self.folder / "effects.parquet", compression="zstd")


def _identity(chunk: Chunk) -> pa.Table:
    rows = chunk.identity
    names = ("source_system", "source_person_key", "true_person")
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def _person(chunk: Chunk) -> pa.Table:
    people, first, history = chunk.people, chunk.history.states[2], chunk.history
    columns: dict[str, object] = {
        "true_person": [people.key(i) for i in range(len(people))],
        "ancestry": [ANCESTRIES[i] for i in people.ancestry],
        "sex": np.where(people.male, "male", "female"),
        "birth_date": people.birth,
        "enrolled_date": people.enrolled,
        "death_date": history.death,
        "left_date": history.left,
        "region_id": [REGIONS[r][0] for r in people.region],
        "in_st_anne": people.in_a,
        "in_riverside": people.in_b,
        "has_genome": people.genome,
        "wearable": [None if p < 0 else PLATFORMS[p] for p in people.platform],
    }
    columns |= {f"latent_{name}": values for name, values in first.items()}
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def _onset(chunk: Chunk) -> pa.Table:
    """One row per person and condition that ever began, with death and leaving as conditions of their own."""
    everything = {**chunk.history.onset, "death": chunk.history.death, "left_region": chunk.history.left}
    person, condition, date = [], [], []
    gone = chunk.history.death
    for name, dates in everything.items():
        seen = ~np.isnat(dates) & (dates <= DATA_CUTOFF) & (np.isnat(gone) | (dates <= gone))
        who = np.flatnonzero(seen)
        person += [chunk.people.key(int(i)) for i in who]
        condition += [name] * len(who)
        date.append(dates[who])
    return pa.table(
        {
            "true_person": pa.array(person, pa.string()),
            "condition": pa.array(condition, pa.string()),
            "onset_date": pa.array(np.concatenate(date), pa.date32()),
        }
    )


def _risk(chunk: Chunk) -> pa.Table:
    parts = oracle.risks(chunk.history, chunk.rng("oracle"))
    keys = np.array([chunk.people.key(i) for i in range(len(chunk.people))])
    return pa.table(
        {
            "true_person": pa.array(np.concatenate([keys[part.person] for part in parts]), pa.string()),
            "task": pa.array([part.task for part in parts for _ in part.person], pa.string()),
            "index_date": pa.array(
                np.concatenate([np.repeat(part.index_date, len(part.person)) for part in parts]), pa.date32()
            ),
            "risk": pa.array(np.concatenate([part.risk for part in parts])),
            "linear_predictor": pa.array(np.concatenate([part.linear_predictor for part in parts])),
        }
    )


def effects() -> pa.Table:
    """True effects: published-like log odds ratio per ALT allele, and the log hazard ratio it has here."""
    _, sd = genome.score_moments()
    main = {"t2d": "t2d", "cad": "chd"}
    rows = []
    for variant in catalogue():
        for trait, beta in variant.effects:
            outcome = main.get(trait, trait)
            strength = hazards.COEFFICIENTS[outcome][f"pgs_{trait}"] / sd[TRAITS.index(trait)]
            rows.append(
                (
                    trait,
                    variant.rsid,
                    variant.chrom,
                    variant.pos,
                    variant.ref,
                    variant.alt,
                    beta,
                    beta * strength,
                    outcome,
                )
            )
    names = ("trait", "rsid", "chrom", "pos", "ref", "alt", "effect_per_alt", "log_hazard_per_alt", "outcome")
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})

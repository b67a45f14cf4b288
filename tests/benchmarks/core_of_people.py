"""Core tables straight from the generator's people: the same lives, visits and noise as the files, without the files.

What a model loses against the oracle is lost twice: by what cannot be seen, and by what a pipeline gets wrong. Here the
second is left out, and tens of thousands of people cost a minute. Polygenic scores are the true ones.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lake.settings import Settings
from synthetic import care, chunks, genome, wearables
from synthetic.chunks import Chunk
from synthetic.landing import Landing
from synthetic.measuring import CONCEPTS
from synthetic.truth import Truth

CONDITIONS = {
    "t2d": "type_2_diabetes", "mi": "myocardial_infarction", "chd": "coronary_heart_disease",
    "stroke": "ischemic_stroke", "af": "atrial_fibrillation", "ckd": "chronic_kidney_disease",
}  # fmt: skip
SCORES = {"t2d": "PGS_T2D_DEMO", "cad": "PGS_CAD_DEMO", "af": "PGS_AF_DEMO"}
_DAY_US = 86_400e6


def write(settings: Settings, people: int, seed: int) -> None:
    """Write core tables, the truth, and a link table by which one leads to the other."""
    tables: dict[str, list[pa.Table]] = defaultdict(list)
    truth, landing = Truth(settings.truth), Landing(settings)
    for index in range((people + chunks.CHUNK - 1) // chunks.CHUNK):
        chunk = chunks.live(seed, index, min(chunks.CHUNK, people - index * chunks.CHUNK), landing)
        for name, columns in _tables(chunk):
            tables[name].append(pa.table(columns))
        truth.add(chunk)
    truth.close()
    settings.core.mkdir(parents=True, exist_ok=True)
    for name, parts in tables.items():
        pq.write_table(pa.concat_tables(parts), settings.core / f"{name}.parquet")
    who = pa.concat_tables(tables["twin_person"])["person_id"]
    link = {"source_system": pa.array(["made"] * len(who)), "source_person_key": who}
    pq.write_table(pa.table({**link, "person_id": who}), settings.core / "twin_person_link.parquet")
    pq.write_table(pa.table({**link, "true_person": who}), settings.truth / "identity.parquet")


def _tables(chunk: Chunk) -> Any:
    people, history, random = chunk.people, chunk.history, chunk.rng("core")
    ids = np.array([people.key(i) for i in range(len(people))], object)
    visits, diagnoses = chunk.visits()
    results = chunk.measured(visits)
    orders = care.prescribe(people, history, chunk.rng("prescribe"))
    clinic = np.flatnonzero(people.in_a[visits.person])
    seen, who = visits.when[clinic], visits.person[clinic]
    yield "twin_person", {
        "person_id": pa.array(ids), "birth_date": pa.array(people.birth.astype("datetime64[D]")),
        "sex": pa.array(np.where(people.male, "male", "female")), "death_date": pa.array(history.death),
        "last_observed_at": _at(care.last_day(people, history)),
    }  # fmt: skip
    taken = visits.when[results.visit].astype("datetime64[us]")
    reported = taken + (random.exponential(0.3, len(results)) * _DAY_US).astype("timedelta64[us]")
    yield "twin_measurement", _result(ids[visits.person[results.visit]], np.array(CONCEPTS, object)[results.concept],
                                      taken, reported, value_std=pa.array(results.value))  # fmt: skip
    answer = np.array(["never", "former", "current"], object)[history.status("smoking", who, seen).astype(int)]
    asked = np.full(len(clinic), "smoking_status", object)
    yield "twin_measurement", _result(ids[who], asked, seen, seen, value_text=pa.array(answer))
    ended = seen + visits.minutes[clinic].astype("timedelta64[m]")
    kind = np.where(visits.kind[clinic] == care.STAY, "IMP", "AMB")
    yield "twin_encounter", {
        "person_id": pa.array(ids[who]), "encounter_class": pa.array(kind), "event_at": _at(seen),
        "event_end_at": _at(ended), "known_at": _at(ended), **_versions(len(clinic)),
    }  # fmt: skip
    yield "twin_condition", {
        "person_id": pa.array(ids[diagnoses.person]),
        "concept": pa.array([CONDITIONS.get(one, one) for one in diagnoses.condition.tolist()]),
        "event_at": _at(diagnoses.onset), "known_at": _at(diagnoses.recorded + np.timedelta64(1, "D")),
        **_versions(len(diagnoses.person)),
    }  # fmt: skip
    yield "twin_medication", {
        "person_id": pa.array(ids[orders.person]), "concept": pa.array(orders.drug.tolist()),
        "event_at": _at(orders.start), "event_end_at": _at(orders.end), "known_at": _at(orders.start),
        **_versions(len(orders.person)),
    }  # fmt: skip
    first = history.states[0]
    relatives = {"type_2_diabetes": first["fh_t2d"], "myocardial_infarction": first["fh_cvd"], None: np.ones(len(ids))}
    told = [(i, one) for one, has in relatives.items() for i in np.flatnonzero((has > 0) & people.in_a)]
    yield "twin_family_history", {
        "person_id": pa.array([ids[i] for i, _ in told]), "relationship": pa.array(["FTH"] * len(told)),
        "concept": pa.array([concept for _, concept in told], pa.string()),
        "known_at": _at(people.enrolled[[i for i, _ in told]]), **_versions(len(told)),
    }  # fmt: skip
    for i in np.flatnonzero(people.platform >= 0).tolist():
        for worn in wearables.daily(chunk, i, random):
            yield "twin_wearable_day", _days(ids[i], worn)
    scores, typed = genome.true_scores(chunk.genome), np.flatnonzero(people.genome)
    for trait, name in SCORES.items():
        same = {"pgs_id": name, "trait": trait, "match_rate": 1.0, "status": "ok"}
        yield "twin_genome_score", {
            "person_id": pa.array(ids[typed]), "z": pa.array(scores[trait][typed]),
            "known_at": _at(people.enrolled[typed] + np.timedelta64(60, "D")),
            **{column: pa.repeat(pa.scalar(value), len(typed)) for column, value in same.items()},
        }  # fmt: skip


def _result(person: Any, concept: Any, taken: Any, known: Any, **value: pa.Array) -> dict[str, pa.Array]:
    count = len(person)
    empty = {"value_std": pa.float64(), "value_text": pa.string(), "value_code": pa.string()}
    return {
        "person_id": pa.array(person), "concept": pa.array(concept), "event_at": _at(taken), "known_at": _at(known),
        **{name: value.get(name, pa.nulls(count, kind)) for name, kind in empty.items()},
        **{name: pa.array([""] * count) for name in ("code", "unit_std", "quality_flags")}, **_versions(count),
    }  # fmt: skip


def _days(person: str, worn: wearables.Worn) -> dict[str, pa.Array]:
    count = len(worn.date)
    blank = pa.nulls(count, pa.float64())
    return {
        "person_id": pa.array([person] * count), "local_date": pa.array(worn.date.astype("datetime64[D]")),
        "known_at": _at(worn.date + np.timedelta64(1, "D")), "wear_minutes": pa.array(np.full(count, 900.0)),
        "steps": pa.array(worn.steps.astype(float)), "resting_heart_rate": pa.array(worn.resting.astype(float)),
        "hrv_rmssd": pa.array(worn.rmssd), "hrv_sdnn": pa.array(worn.sdnn),
        "sleep_minutes": pa.array(worn.slept.astype(float)), "active_energy_kcal": blank, "glucose_mean": blank,
    }  # fmt: skip


def _at(moments: Any) -> pa.Array:
    return pa.array(np.asarray(moments).astype("datetime64[us]"))


def _versions(count: int) -> dict[str, pa.Array]:
    return {"superseded_at": pa.nulls(count, pa.timestamp("us")), "op": pa.array(["insert"] * count)}

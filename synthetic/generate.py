"""The public entry: make a demo population and write what its sources would deliver."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from lake.settings import Settings
from synthetic import chunks
from synthetic.landing import Landing, LandingInUse
from synthetic.truth import Truth

SOURCES = frozenset({"ehr", "enrolment", "wearables", "genome", "environment"})
"""Groups of sources. ``ehr``: both hospitals; ``enrolment``: device accounts; ``genome`` includes ``reference/``."""


@dataclass(frozen=True)
class GenerateReport:
    """What a generation wrote: files, bytes, records (lines, sites), seconds; ``unchanged``: it was there already."""

    people: int
    seed: int
    files: int
    bytes: int
    records: int
    seconds: float
    unchanged: bool


def generate(
    settings: Settings,
    people: int = 400,
    seed: int = 20260630,
    sources: set[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> GenerateReport:
    """Write a seeded demo population into ``settings.landing`` and its truth into ``settings.truth``.

    The same arguments give the same bytes, so generating twice lands nothing new. People are made in chunks; memory
    stays bounded however many there are (but for the genotypes: 0.5 kB per person).

    Args:
        people: how many; person k of a seed is the same in every population size.
        sources: groups to write, of ``SOURCES``; all by default.
        progress: called as ``progress(stage, done, total)`` with people as the unit.

    Raises:
        ValueError: unknown source group or no people.
        LandingInUse: landing holds data that this population did not write.
    """
    wanted = SOURCES if sources is None else frozenset(sources)
    if people < 1 or not wanted or not wanted <= SOURCES:
        raise ValueError(
            f"people must be positive and sources among {sorted(SOURCES)}; got {people} and {sorted(wanted)}"
        )
    started = time.perf_counter()
    identity = {"people": people, "seed": seed, "sources": sorted(wanted), "generator": _fingerprint()}
    marker = settings.truth / "population.json"
    known = orjson.loads(marker.read_bytes()) if marker.exists() else None
    _refuse_other_data(settings, known, identity)
    if known is not None and known["population"] == identity and _all_there(settings, known["files"]):
        report = known["report"] | {"seconds": time.perf_counter() - started, "unchanged": True}
        return GenerateReport(**report)
    landing = Landing(settings)
    settings.truth.mkdir(parents=True, exist_ok=True)
    marker.write_bytes(orjson.dumps({"population": identity, "files": {}, "report": None}))
    _write(landing, people, seed, wanted, progress or (lambda _stage, _done, _total: None))
    report = GenerateReport(
        people,
        seed,
        len(landing.sizes),
        sum(landing.sizes.values()),
        landing.records,
        time.perf_counter() - started,
        False,
    )
    draft = marker.with_suffix(".draft")
    draft.write_bytes(orjson.dumps({"population": identity, "files": landing.sizes, "report": asdict(report)}))
    draft.replace(marker)
    return report


def _write(
    landing: Landing, people: int, seed: int, wanted: frozenset[str], progress: Callable[[str, int, int], None]
) -> None:
    from synthetic import enrolment, environment, fhir_clinical, genome_files, reference, riverside, wearables

    truth = Truth(landing.settings.truth)
    tables = riverside.Extract(landing), enrolment.Lists(landing), genome_files.Cohort(landing, seed)
    hospital_b, lists, cohort = tables
    for index in range((people + chunks.CHUNK - 1) // chunks.CHUNK):
        done = index * chunks.CHUNK
        progress("people", done, people)
        chunk = chunks.live(seed, index, min(chunks.CHUNK, people - done), landing)
        if "ehr" in wanted:
            fhir_clinical.write(chunk)
            hospital_b.add(chunk)
        if "enrolment" in wanted or "wearables" in wanted:
            lists.add(chunk)
        if "wearables" in wanted:
            wearables.write(chunk)
        if "genome" in wanted:
            cohort.add(chunk)
        truth.add(chunk)
    progress("people", people, people)
    if "ehr" in wanted:
        truth.dirt(hospital_b.finish())
    if "enrolment" in wanted or "wearables" in wanted:
        lists.finish()
    if "genome" in wanted:
        truth.dirt(cohort.finish())
        reference.write(landing, seed)
    if "environment" in wanted:
        environment.write(landing, seed)
    truth.close()


def _refuse_other_data(settings: Settings, known: dict[str, object] | None, identity: dict[str, object]) -> None:
    if known is None:
        if settings.landing.is_dir() and any(
            p.is_file() and not p.name.startswith(".") for p in settings.landing.rglob("*")
        ):
            raise LandingInUse("landing already holds files of another origin; generate into an empty TWIN_HOME")
        return
    before = known["population"]
    assert isinstance(before, dict)
    if (before["people"], before["seed"]) != (identity["people"], identity["seed"]):
        raise LandingInUse(
            f"landing holds the population of {before['people']} people with seed {before['seed']}; "
            "use the same size and seed, or an empty TWIN_HOME"
        )


def _all_there(settings: Settings, files: dict[str, int]) -> bool:
    return bool(files) and all(
        (path := settings.landing / name).is_file() and path.stat().st_size == size for name, size in files.items()
    )


def _fingerprint() -> str:
    """Hash of this package's code: other code may make other people."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

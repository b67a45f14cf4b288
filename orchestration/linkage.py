"""Record linkage of any person files: the warehouse's own reader and identity models, in a home of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from ehr.extract.catalog import shipped_mappings
from lake.ingest import ingest
from lake.landing import land, pending
from lake.settings import Settings
from lake.warehouse import writing
from orchestration import dbt, rooms

SELECTION = ("--select", "+int_identity__link", "--exclude-resource-type", "test")
SHIPPED = "people"
"""The mapping of patient lists: its column names are the ones that are understood."""

PAIRS = """
with
    people as (
        select node_id, record.source_system, record.source_person_key, link.person_id
        from intermediate.int_identity__person_record as record
        inner join intermediate.int_identity__link as link using (node_id)
    ),
    judged as (
        select left_id, right_id, 'rule ' || rule as method, cast(1 as double) as score, 'auto_link' as decision
        from intermediate.int_identity__rule_pair
        union all
        select left_id, right_id, 'sum of evidence', probability, decision
        from intermediate.int_identity__decided_pair
        where decision in ('auto_link', 'review')
    ),
    -- records that are one person through a third, whatever the two alone would say
    together as (
        select one.node_id as left_id, other.node_id as right_id
        from people as one
        inner join people as other on other.person_id = one.person_id and other.node_id > one.node_id
    ),
    pairs as (
        select
            coalesce(together.left_id, judged.left_id) as left_id,
            coalesce(together.right_id, judged.right_id) as right_id,
            case when judged.decision = 'auto_link' then judged.method
                when together.left_id is not null then 'through another record'
                else judged.method end as method,
            judged.score,
            case when together.left_id is not null then 'auto_link' else judged.decision end as decision
        from together
        full join judged on judged.left_id = together.left_id and judged.right_id = together.right_id
    )
select
    a.source_system, a.source_person_key, b.source_system, b.source_person_key,
    pairs.score, pairs.decision, pairs.method
from pairs
inner join people as a on a.node_id = pairs.left_id
inner join people as b on b.node_id = pairs.right_id
order by pairs.decision, pairs.score desc, 1, 2, 3, 4
"""


class NotPeople(ValueError):
    """A file cannot be read as a list of people."""


@dataclass(frozen=True)
class Pair:
    """Two records. ``score`` is the probability that they are one person, None where only a third record says so."""

    left_file: str
    left_key: str
    right_file: str
    right_key: str
    score: float | None
    decision: str
    method: str


@dataclass(frozen=True)
class File:
    """How many records were read of a file, and how many of them could not be used."""

    name: str
    records: int
    rejected: int


@dataclass(frozen=True)
class Linkage:
    """Pairs that are one person (`auto_link`) or may be (`review`), and the files they come from."""

    files: tuple[File, ...]
    people: int
    pairs: tuple[Pair, ...]


def link(paths: Sequence[Path], *, key: str | None = None, guard_households: bool = False) -> Linkage:
    """Find the records of one or two person files that belong to one person.

    Args:
        paths: CSV, TSV or Parquet files, perhaps compressed; columns as in the mapping ``people``.
        key: column that identifies a record; default the first of the mapping's names for it that is there.
        guard_households: leave pairs that could be twins, parent and child or namesakes to review, whatever the sum.

    Returns:
        Pairs within and between the files. Scores are Fellegi-Sunter posteriors (``linkage_weight`` seed).

    Raises:
        FileNotFoundError: a file does not exist.
        NotPeople: a file cannot be read as a list of people.
        RuntimeError: the models could not be built.
    """
    with TemporaryDirectory(prefix="twin-link-") as scratch:
        settings = Settings(home=Path(scratch) / "home")
        names = {f"file_{number}": path for number, path in enumerate(paths, 1)}
        _declare(settings.home / "mappings", key)
        for source, path in names.items():
            land(settings, path, source)
        files = _ingest(settings, names)
        variables = {"only_person_lists": True, "guard_households": guard_households, "comments": False}
        dbt.build_or_fail(settings, (*SELECTION, "--vars", yaml.safe_dump(variables)))
        with writing(settings) as connection:
            rows = connection.execute(PAIRS).fetchall()
            people = connection.execute(
                "select count(distinct person_id) from intermediate.int_identity__link"
            ).fetchall()[0][0]
    shown = {source: path.name for source, path in names.items()}
    pairs = tuple(Pair(shown[a], a_key, shown[b], b_key, *rest) for a, a_key, b, b_key, *rest in rows)
    return Linkage(files, people, pairs)


def _declare(folder: Path, key: str | None) -> None:
    """The mapping of patient lists for these files, except that a birth date that is none does not cost the record."""
    shipped = next(one for one in shipped_mappings() if one.name == SHIPPED)
    mapping = shipped.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    mapping |= {"name": "linked_people", "files": ["*"], "sources": ["file_*"], "header": []}
    for column in mapping["columns"]:
        if column["to"] == "person_key" and key is not None:
            column["from"] = [key]
        if column["to"] == "birth_date":
            column |= {"optional": True, "invalid": "null"}
    folder.mkdir(parents=True)
    (folder / "link.yaml").write_text(yaml.safe_dump(mapping, allow_unicode=True), encoding="utf-8")


def _ingest(settings: Settings, names: dict[str, Path]) -> tuple[File, ...]:
    rooms.ensure_typed_files(settings)
    entries = {one.source: one for one in ingest(settings, rooms.readers_of("ehr"), {}, pending(settings))}
    files = []
    for source, path in names.items():
        entry = entries.get(source)
        if entry is None:
            raise NotPeople(
                f"{path.name}: the same bytes as the other file; to find duplicates in one file give it once"
            )
        if entry.status == "rejected":
            raise NotPeople(f"{path.name}: {entry.reason}: {re.sub(r'file_[12]/', '', entry.detail or '')}")
        files.append(File(path.name, entry.records_read, entry.records_rejected))
    return tuple(files)

"""What comes back: exports landed in an empty home are the facts and people that went out."""

from __future__ import annotations

from typing import Any

import duckdb

from tests.ehr.exchange.conftest import Exchange


def differences(
    both: Exchange, source: str, match: str, columns: dict[str, str], where: str = "true"
) -> tuple[int, dict[str, Any]]:
    """Facts compared, and per column how many differ (with two examples)."""
    before = f"'{both.before}'"
    pairs = f"""
        from past.core.twin_fact as old
        inner join past.marts_interop.interop_id as ids on ids.kind = 'event' and ids.key = old.fact_key
        left join core.twin_fact as new on new.source_system = '{source}' and {match}
        where old.superseded_at is null and old.op <> 'retract' and old.person_id is not null
            and old.domain not in ('order', 'not_done') and old.event_at is not null and ({where})
    """
    with duckdb.connect(str(both.home.path / "build" / "twin.duckdb"), read_only=True) as connection:
        connection.execute(f"attach {before} as past (read_only)")
        connection.execute(f"create temp table pairs as select old, new {pairs}")
        ((total, missing),) = connection.execute(
            "select count(*), count(*) filter (new.fact_key is null) from pairs"
        ).fetchall()
        found: dict[str, Any] = {"missing": missing} if missing else {}
        for name, same in columns.items():
            wrong = connection.execute(
                f"select old.domain, old.source_table, old.code, {name.split(' ')[0]!r}, old, new from pairs"
                f" where new.fact_key is not null and not coalesce({same}, false) limit 2"
            ).fetchall()
            if wrong:
                found[name] = [str(one)[:1500] for one in wrong]
    return total, found


def same(column: str) -> str:
    return f"old.{column} is not distinct from new.{column}"


def test_fhir_comes_back(returned: Exchange) -> None:
    total, found = differences(
        returned,
        "fhir",
        "new.source_id = old.fact_key",
        {
            name: same(name)
            for name in (
                "domain",
                "concept",
                "code_system",
                "code",
                "value_num",
                "comparator",
                "value_std",
                "unit_std",
                "event_at",
                "event_end_at",
                "event_precision",
            )
        }
        | {"value_text": "old.value_num is not null or old.value_text is not distinct from new.value_text"}
        | {"known_at": "old.known_basis = 'imputed' or old.known_at = new.known_at"},
        where="old.domain <> 'device'",  # FHIR's Device has no time
    )
    assert total > 20
    assert found == {}


def test_meds_comes_back(returned: Exchange) -> None:
    """Numbers to single precision, as the standard has them."""
    close = "abs(coalesce(old.value_std, old.value_num) - new.{0}) <= 1e-6 * abs(new.{0})"
    total, found = differences(
        returned,
        "meds",
        "new.source_id = old.fact_key",
        {name: same(name) for name in ("domain", "code_system", "code", "concept", "event_at", "event_end_at")}
        | {
            "value_num": f"old.value_num is null or {close.format('value_num')}",
            "value_std": f"old.value_std is null or {close.format('value_std')}",
            "unit_std": same("unit_std"),
            "comparator": same("comparator"),
            "known_at": "old.known_basis = 'imputed' or old.known_at = new.known_at",
        },
        where="old.code is not null",
    )
    assert total > 20
    assert found == {}


def test_omop_comes_back(returned: Exchange) -> None:
    """Where the CDM has the table; allergies, family history and vaccinations change theirs (ehr.exchange.lossy)."""
    total, found = differences(
        returned,
        "omop",
        "new.source_id = cast(ids.id as varchar)",
        {
            "code": "(new.code_system = old.code_system and new.code = old.code) or old.domain in ('encounter')",
            "concept": same("concept"),
            "value_std": "old.value_std is not distinct from new.value_std",
            "unit_std": same("unit_std"),
            "comparator": same("comparator"),
            "event_at": "old.event_at = new.event_at",
            "event_end_at": "old.event_end_at is not distinct from new.event_end_at or old.event_end_at < old.event_at",
        },
        where="old.domain in ('measurement', 'condition', 'medication', 'procedure', 'encounter')"
        " and old.code is not null and coalesce(old.status, '') not in ('cancelled', 'draft', 'planned', 'registered')"
        " and length(old.code) <= 50",
    )
    assert total > 20
    assert found == {}


def test_people_come_back(returned: Exchange) -> None:
    people = set(returned.rows("select birth_date, sex from core.twin_person where birth_date is not null"))
    with duckdb.connect(str(returned.home.path / "build" / "twin.duckdb"), read_only=True) as connection:
        back = connection.execute(
            "select links.source_system, people.birth_date, people.sex from core.twin_person_link as links"
            " inner join intermediate.int_person__resolved as people using (person_id)"
        ).fetchall()
    for source in ("omop", "meds", "fhir"):
        # MEDS writes a year as its first of January, and so cannot say the difference
        wanted = {one for one in people if source != "meds" or (one[0].month, one[0].day) != (1, 1)}
        assert {(birth, sex) for system, birth, sex in back if system == source} >= wanted, source

"""A person as the published snapshot knows them now."""

from __future__ import annotations

from typing import Any

import duckdb

from simulation.treatment.compare import Person

MMOL_PER_MG_DL_LDL = 1 / 38.67
"""mmol/L of cholesterol per mg/dL."""

_LATEST = """
    select concept, max_by(value_std, event_at)::double
    from core.twin_measurement
    where person_id = $person and concept in ('systolic_bp', 'ldl_cholesterol', 'egfr') and value_std is not null
        and op <> 'retract' and superseded_at is null
    group by concept
"""
_CURRENT = """
    select distinct concept
    from core.{table}
    where person_id = $person and concept is not null and op <> 'retract' and superseded_at is null
        and (event_end_at is null or event_end_at > (select max(last_observed_at) from core.twin_person))
"""


class UnknownPerson(KeyError):
    """No such person in the snapshot."""


def from_snapshot(connection: duckdb.DuckDBPyConnection, person_id: str) -> Person:
    """Latest pressure, LDL and filtration rate, current conditions and drugs, phenotypes, and the ASCVD risk.

    Raises:
        UnknownPerson: the snapshot has no such person.
    """
    asked = {"person": person_id}

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query, asked).fetchall()

    if not rows("select 1 from core.twin_person where person_id = $person"):
        raise UnknownPerson("the snapshot has no such person")
    latest = dict(rows(_LATEST))
    risk = rows("select risk from marts_risk.risk_current where person_id = $person and task = 'ascvd_10y'")
    ldl = latest.get("ldl_cholesterol")
    return Person(
        person_id=person_id,
        risk_10y=risk[0][0] if risk else None,
        sbp=latest.get("systolic_bp"),
        ldl=None if ldl is None else ldl * MMOL_PER_MG_DL_LDL,
        gfr=latest.get("egfr"),
        conditions=tuple(sorted(one for (one,) in rows(_CURRENT.format(table="twin_condition")))),
        medications=tuple(sorted(one for (one,) in rows(_CURRENT.format(table="twin_medication")))),
        phenotypes=dict(
            rows(
                "select gene, any_value(phenotype) from core.twin_genome_diplotype where person_id = $person"
                " and phenotype is not null group by gene having count(distinct phenotype) = 1"
            )
        ),
    )

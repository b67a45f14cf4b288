"""People as the warehouse knows them: from a published snapshot, or from the lake's core tables during a build."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from lake import warehouse
from lake.settings import Settings
from simulation.glycaemia import mean_glucose
from simulation.treatment.compare import Person

MMOL_PER_MG_DL_LDL = 1 / 38.67
"""mmol/L of cholesterol per mg/dL."""
CONCEPTS = {
    "body_weight": "body_weight_kg",
    "body_height": "body_height_cm",
    "fasting_glucose": "fasting_glucose_mg_dl",
    "hba1c": "hba1c_percent",
    "systolic_bp": "systolic_bp_mmhg",
    "ldl_cholesterol": "ldl_mg_dl",
    "egfr": "egfr",
    "fev1": "fev1_l",
    "heart_rate": "heart_rate_per_min",
}
_CURRENT = "op <> 'retract' and superseded_at is null and person_id in (select unnest($people))"
_OPEN = f"""
    select person_id, list(distinct concept order by concept) from core.{{table}}
    where concept is not null and {_CURRENT}
        and (event_end_at is null or event_end_at > (select max(last_observed_at) from core.twin_person))
    group by person_id
"""


class UnknownPerson(KeyError):
    """No such person."""


@dataclass(frozen=True)
class Twin:
    """What simulations read of a person.

    Attributes:
        person: what treatments are compared on.
        inputs: name with unit → latest value; absent where it was never measured. ``is_male`` is 0 or 1.
    """

    person: Person
    inputs: dict[str, float]

    @property
    def person_id(self) -> str:
        """The person."""
        return self.person.person_id

    def has(self, *conditions: str) -> bool:
        """Whether one of these conditions is open."""
        return bool(set(conditions) & set(self.person.conditions))


@contextmanager
def lake(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The core tables and the scores in the lake under the names they have in the snapshot."""
    with warehouse.memory(settings) as connection:
        connection.execute("create schema core; create schema marts_risk")
        for path in sorted(settings.core.glob("twin_*.parquet")):
            relation = connection.read_parquet(str(path))
            relation.create_view(f"core_{path.stem}")
            connection.execute(f"create view core.{path.stem} as from core_{path.stem}")
        connection.read_parquet(str(settings.derived / "scored_cohort" / "*.parquet")).create_view("scores")
        connection.execute("""
            create view marts_risk.risk_current as
            select person_id, task, risk, band from scores where eligible
            qualify row_number() over (partition by person_id, task order by as_of desc, scored_at desc) = 1
        """)
        yield connection


def at_high_risk(connection: duckdb.DuckDBPyConnection, most: int) -> list[str]:
    """The living whose risk of diabetes or ASCVD is in a high band, highest first, at most so many."""
    rows = connection.execute(
        """
        select person_id from marts_risk.risk_current join core.twin_person using (person_id)
        where band in ('high', 'very_high') and death_date is null
        group by person_id order by max(risk) desc, person_id limit $most
        """,
        {"most": most},
    ).fetchall()
    return [person for (person,) in rows]


def read(connection: duckdb.DuckDBPyConnection, people: Sequence[str]) -> list[Twin]:
    """Latest values, open conditions and drugs, phenotypes on which samples agree, ASCVD risk; in the order given.

    Raises:
        UnknownPerson: one of them is not there; nothing is said about which.
    """
    asked = {"people": list(people)}

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query, asked).fetchall()

    persons = {
        person: (sex, birth, last)
        for person, sex, birth, last in rows(
            "select person_id, sex, birth_date, last_observed_at from core.twin_person"
            " where person_id in (select unnest($people))"
        )
    }
    if missing := set(people) - set(persons):
        raise UnknownPerson(f"{len(missing)} of {len(set(people))} people are not in the data")
    wanted = ", ".join(f"'{name}'" for name in CONCEPTS)
    latest: dict[str, dict[str, float]] = {}
    for person, concept, value in rows(
        f"select person_id, concept, max_by(value_std, event_at)::double from core.twin_measurement"
        f" where concept in ({wanted}) and value_std is not null and {_CURRENT} group by person_id, concept"
    ):
        latest.setdefault(person, {})[CONCEPTS[concept]] = value
    conditions, medications = (dict(rows(_OPEN.format(table=f"twin_{one}"))) for one in ("condition", "medication"))
    risks = dict(
        rows(
            "select person_id, any_value(risk) from marts_risk.risk_current where task = 'ascvd_10y'"
            " and person_id in (select unnest($people)) group by person_id"
        )
    )
    phenotypes: dict[str, dict[str, str]] = {}
    for person, gene, phenotype in rows(
        "select person_id, gene, any_value(phenotype) from core.twin_genome_diplotype where phenotype is not null"
        " and person_id in (select unnest($people)) group by person_id, gene having count(distinct phenotype) = 1"
    ):
        phenotypes.setdefault(person, {})[gene] = phenotype
    found = []
    for person in people:
        sex, birth, last = persons[person]
        inputs = latest.get(person, {})
        if birth is not None:
            inputs["age_years"] = (last.date() - birth).days / 365.25
        if sex in ("male", "female"):
            inputs["is_male"] = float(sex == "male")
        if "body_height_cm" in inputs:
            inputs["body_height_m"] = inputs["body_height_cm"] / 100
        if "hba1c_percent" in inputs:
            inputs["mean_glucose_mg_dl"] = float(mean_glucose(inputs["hba1c_percent"]))
        if "ldl_mg_dl" in inputs:
            inputs["ldl_mmol_l"] = inputs["ldl_mg_dl"] * MMOL_PER_MG_DL_LDL
        if person in risks:
            inputs["ascvd_risk_10y"] = risks[person]
        known = Person(
            person_id=person,
            risk_10y=risks.get(person),
            sbp=inputs.get("systolic_bp_mmhg"),
            ldl=inputs.get("ldl_mmol_l"),
            gfr=inputs.get("egfr"),
            conditions=tuple(conditions.get(person, ())),
            medications=tuple(medications.get(person, ())),
            phenotypes=phenotypes.get(person, {}),
        )
        found.append(Twin(known, inputs))
    return found

"""What comes in: no row and no event of an OMOP database or a MEDS dataset is lost on its way to the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ehr.exchange.conftest import Exchange


@pytest.fixture
def shared(landed: Exchange, shared_data: Path) -> Exchange:
    return landed


def test_every_row_of_an_omop_database_is_read(shared: Exchange) -> None:
    """Rows of Eunomia's Synthea27Nj files, less the header."""
    read = {one.path.split("/")[1].removesuffix(".csv.gz"): one for one in shared.entries["eunomia"]}
    assert {name: (one.records_read, one.records_rejected) for name, one in read.items()} == {
        "CDM_SOURCE": (1, 0),
        "CONCEPT": (2_294, 0),
        "CONCEPT_RELATIONSHIP": (266_588, 0),
        "CONDITION_ERA": (469, 0),
        "CONDITION_OCCURRENCE": (470, 0),
        "DEATH": (3, 0),
        "DEVICE_EXPOSURE": (1, 0),
        "DRUG_EXPOSURE": (883, 0),
        "MEASUREMENT": (10_040, 0),
        "OBSERVATION": (8_099, 0),
        "OBSERVATION_PERIOD": (28, 0),
        "PERSON": (28, 0),
        "PROCEDURE_OCCURRENCE": (1_649, 0),
        "PROVIDER": (67, 0),
        "VISIT_DETAIL": (1_791, 0),
        "VISIT_OCCURRENCE": (1_791, 0),
        "VOCABULARY": (1, 0),
    }


def test_every_event_of_an_omop_database_is_a_fact(shared: Exchange) -> None:
    found = shared.rows(
        "select source_table, count(*), count(distinct source_id), count(person_id) from core.twin_fact"
        " where source_system = 'eunomia' group by 1 order by 1"
    )
    assert found == [
        ("omop_condition_occurrence", 470, 470, 470),
        ("omop_device_exposure", 1, 1, 1),
        ("omop_drug_exposure", 883, 883, 883),
        ("omop_measurement", 10_040, 10_040, 10_040),
        ("omop_observation", 8_099, 8_099, 8_099),
        ("omop_procedure_occurrence", 1_649, 1_649, 1_649),
        ("omop_visit_occurrence", 1_791, 1_791, 1_791),
    ]


def test_omop_measurements_have_code_unit_and_clock(shared: Exchange) -> None:
    """First rows of MEASUREMENT.csv: LOINC 29463-7, 48.1 kg on 2013-05-17, without a time of day."""
    ((row),) = shared.rows(
        "select code_system, code, concept, value_std, unit_std, event_at::varchar, event_precision, known_basis"
        " from core.twin_fact where source_system = 'eunomia' and source_table = 'omop_measurement' and source_id = '1'"
    )
    assert row == ("loinc", "29463-7", "body_weight", 48.1, "kg", "2013-05-17 00:00:00", "day", "imputed")
    early = shared.rows(
        "select count(*) from core.twin_fact where source_system = 'eunomia' and known_at < event_at + interval 1 day"
    )
    assert early == [(0,)], "a date without a time was known before its day was over"


def test_meds_events_of_mimic_reach_concept_and_unit(shared: Exchange) -> None:
    """`LAB//220045//bpm` is MIMIC's item for heart rate, `LAB//50912//mg/dL` its creatinine."""
    found = dict(
        shared.rows(
            "select concept, list(distinct unit_std)[1] from core.twin_fact where source_system = 'mimic_meds'"
            " and concept in ('heart_rate', 'creatinine', 'sodium') and value_std is not null group by 1"
        )
    )
    assert found == {"heart_rate": "/min", "creatinine": "mg/dL", "sodium": "mmol/L"}


def test_the_end_of_a_stay_closes_its_start(shared: Exchange) -> None:
    found = shared.rows(
        "select count(*), count(event_end_at), count(*) filter (event_end_at < event_at) from core.twin_fact"
        " where source_system = 'mimic_meds' and domain = 'encounter'"
    )
    assert found[0][0] > 3
    assert found[0][0] == found[0][1]
    assert found[0][2] == 0


def test_every_meds_event_is_a_fact_an_end_or_about_the_person(shared: Exchange) -> None:
    """Exact duplicates are one fact; an end belongs to its start; birth, death and sex are the person's."""
    (entry,) = shared.entries["mimic_meds"]
    assert (entry.format, entry.records_rejected) == ("meds", 0)
    raw = f"read_parquet('{shared.before.parent}/events.parquet')"
    ((expected,),) = shared.rows(
        f"select count(distinct (subject_id, time, code, value)) from {raw} where not"
        " regexp_matches(code, '^(MEDS_BIRTH|MEDS_DEATH|GENDER)|_DISCHARGE|^ED_OUT|^INFUSION_END|//END//|//STOP//')"
    )
    ((found,),) = shared.rows(
        "select count(distinct source_id) from core.twin_fact where source_system = 'mimic_meds' and"
        " event_at is not null and not coalesce(quality_flags, '') like '%event_from_record%'"
    )
    assert found == expected

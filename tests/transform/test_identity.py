"""Who is who: rules, scores, guards and keys, on hand-made records."""

from __future__ import annotations

from datetime import date

import pytest

from tests.transform.rows import observation, patient, person

BORN = date(1950, 4, 3)


def crowd() -> list[dict]:
    """Two hundred strangers, so that names and dates have a frequency."""
    families = ["Abel", "Brandt", "Castro", "Dietz", "Egger", "Falk", "Gruber", "Haas", "Iversen", "Jansen"]
    given = ["Ada", "Berta", "Clara", "Dora", "Emma", "Frida", "Greta", "Hanna", "Ida", "Jana"]
    return [
        person(
            f"RV-c{n}",
            "mrn",
            families[n % 10] + "x" * (n // 100),
            given[(n // 10) % 10],
            date(1930 + n % 50, 1 + n % 12, 1 + n % 28),
        )
        for n in range(200)
    ]


@pytest.fixture(scope="module")
def linked(new_home):
    home = new_home()
    home.put(
        "fhir_patient",
        [
            patient("a-robert", family="Miller", given="Robert James", birth_date="1950-04-03", gender="male",
                    phone="(315) 555-0101", mrn="SA1", mrn_system="urn:a", postal_code="13001"),
            patient("a-old", family="Miller", given="Robert", birth_date="1950-04-03", gender="male",
                    replaced_by="a-robert"),
            patient("a-anna", family="Weber", given="Anna", birth_date="1961-02-11", phone="315 555 0202"),
            patient("a-twin", family="Weber", given="Lena", birth_date="1961-02-11", phone="315 555 0202"),
            patient("a-senior", family="Kovacs", given="Peter", birth_date="1930-09-09", gender="male",
                    phone="315 555 0303", postal_code="14801"),
            patient("a-maria", family="Santos", given="Maria", birth_date="1955-05-05", national_id="123-45-6789"),
            patient("a-sample", family="Olsen", given="Kari", birth_date="1948-12-01", mrn="SA7", mrn_system="urn:a"),
        ],
    )  # fmt: skip
    home.put(
        "person_record",
        [
            *crowd(),
            # nickname, another phone format
            person("RV-1", "mrn", "Miller", "Bob", BORN, sex="male", phone="315-555-0101"),
            # day and month swapped, typing error
            person("RV-2", "mrn", "Webr", "Anna", date(1961, 11, 2), phone="3155550202"),
            # the son: same name, phone and address, another birth date
            person("RV-3", "mrn", "Kovacs", "Peter", date(1962, 9, 9), sex="male", phone="3155550303",
                   postal_code="14801"),
            # name changed on marriage, same national number
            person("RV-4", "mrn", "Lindgren", "Maria", date(1955, 5, 5), national_id="123456789"),
            # the sheet names the hospital's number; the second names one of somebody else
            person("S1", "sample", "Olsen", "Kari", date(1948, 12, 1), other_system="st_anne", other_key="SA7"),
            person("S2", "sample", "Unheard", "Of", date(1977, 7, 7), other_system="st_anne", other_key="SA7"),
            person("ap-1", "account", "Miller", "Bob", BORN, sex="male", phone="+1 315 555 0101"),
        ],
    )  # fmt: skip
    home.put("wearable_sample", [{"record_no": 1, "source": "apple_health", "account": "ap-1", "file_id": "w"}])
    home.put("wearable_profile", [{"record_no": 1, "source": "fitbit", "account": "nobody", "file_id": "w2"}])
    home.put("genome_sample", [{"record_no": 1, "source": "genome", "sample": "S1", "file_id": "v"}])
    home.put("fhir_observation", [observation("o1", "8480-6", 120, "mm[Hg]", "2020-01-01", patient_id="unlisted")])
    home.dbt("seed")
    home.dbt("run", "--select", "+twin_person_link", "+linkage_review")
    return home


def person_of(home, key, source="%"):
    found = home.query(
        f"select distinct person_id from core.twin_person_link where source_person_key = '{key}'"
        f" and source_system like '{source}'"
    )
    assert len(found) == 1, (key, found)
    return found[0][0]


def test_nickname_and_phone_in_another_format(linked):
    assert person_of(linked, "RV-1") == person_of(linked, "a-robert")


def test_a_record_that_its_hospital_replaced_follows_the_other(linked):
    assert person_of(linked, "a-old") == person_of(linked, "a-robert")


def test_swapped_birth_date_with_a_typing_error(linked):
    assert person_of(linked, "RV-2") == person_of(linked, "a-anna")


def test_twins_stay_two(linked):
    assert person_of(linked, "a-anna") != person_of(linked, "a-twin")


def test_father_and_son_stay_two_and_wait_for_review(linked):
    assert person_of(linked, "RV-3") != person_of(linked, "a-senior")
    assert ("birth date does not agree",) in linked.query(
        "select reason from marts_monitoring.linkage_review where 'RV-3' in"
        " (left_source_person_key, right_source_person_key)"
    )


def test_a_national_number_with_the_birth_date_survives_a_change_of_name(linked):
    assert person_of(linked, "RV-4") == person_of(linked, "a-maria")


def test_a_sample_sheet_may_name_the_hospital_number_but_not_of_somebody_else(linked):
    assert person_of(linked, "S1") == person_of(linked, "a-sample")
    assert person_of(linked, "S2") != person_of(linked, "a-sample")


def test_a_device_dump_follows_its_account_list(linked):
    assert person_of(linked, "ap-1", "apple_health") == person_of(linked, "ap-1", "enrolment")
    assert person_of(linked, "ap-1", "apple_health") == person_of(linked, "a-robert")


def test_keys_that_nobody_describes_are_people_of_their_own(linked):
    methods = dict(
        linked.query(
            "select source_person_key, method from core.twin_person_link"
            " where source_person_key in ('nobody', 'unlisted')"
        )
    )
    assert methods == {"nobody": "singleton", "unlisted": "singleton"}


def test_strangers_are_not_linked(linked):
    assert linked.query(
        "select count(distinct person_id), count(*) from core.twin_person_link where source_person_key like 'RV-c%'"
    ) == [(200, 200)]


def test_person_ids_do_not_depend_on_what_else_is_there(linked):
    ((person_id,),) = linked.query("select 'P' || left(md5('fitbit|nobody|account'), 16)")
    assert person_of(linked, "nobody") == person_id

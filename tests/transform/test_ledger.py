"""The ledger: versions, clocks, units and codes, judged case by case on hand-made deliveries."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.transform import messages_in_the_ledger
from tests.transform.messages_in_the_ledger import *  # noqa: F403  (its tests: one run of dbt serves both)
from tests.transform.rows import ICD10CM, SNOMED, condition, lab, observation, patient

COLLECTED = datetime(2020, 3, 1, 8)
GLUCOSE, CHOLESTEROL, CREATININE, HBA1C, POTASSIUM = "1558-6", "2093-3", "2160-0", "4548-4", "2823-3"

OBSERVATIONS = [
    observation("o-final", GLUCOSE, 99, "mg/dL", "2020-01-01T10:00:00+01:00"),
    # a correction: same id, newer, another value; the issue time stays that of the first result
    observation("o-corrected", GLUCOSE, 990, "mg/dL", "2020-01-01T09:00:00Z"),
    observation(
        "o-corrected",
        GLUCOSE,
        99,
        "mg/dL",
        "2020-01-01T09:00:00Z",
        status="corrected",
        last_updated="2020-01-05T12:00:00Z",
        file_id="file-2",
    ),
    observation("o-wrong", GLUCOSE, 99, "mg/dL", "2020-02-01T09:00:00Z"),
    observation(
        "o-wrong",
        GLUCOSE,
        99,
        "mg/dL",
        "2020-02-01T09:00:00Z",
        status="entered-in-error",
        last_updated="2020-02-03T09:00:00Z",
    ),
    observation("o-date", GLUCOSE, 99, "mg/dL", "2020-03", issued="2020-03-05", last_updated=None),
    observation("o-unknown-time", GLUCOSE, 99, "mg/dL", "2020-03-07", issued=None, last_updated=None),
    # blood pressure: the panel and two components, one resource
    observation("o-bp", "85354-9", None, None, "2020-04-01T09:00:00Z", value_type="none"),
    observation("o-bp", "8480-6", 128, "mm[Hg]", "2020-04-01T09:00:00Z", component_no=1),
    observation("o-bp", "8462-4", 81, "mmHg", "2020-04-01T09:00:00Z", component_no=2),
    # sent again without its second component
    observation("o-bp2", "8480-6", 130, "mm[Hg]", "2020-05-01T09:00:00Z", component_no=1),
    observation("o-bp2", "8462-4", 80, "mm[Hg]", "2020-05-01T09:00:00Z", component_no=2),
    observation(
        "o-bp2", "8480-6", 130, "mm[Hg]", "2020-05-01T09:00:00Z", component_no=1, last_updated="2020-05-02T09:00:00Z"
    ),
    observation(
        "o-smoking",
        "72166-2",
        None,
        None,
        "2020-04-01T09:00:00Z",
        value_type="code",
        value_code_system=SNOMED,
        value_code="8517006",
        value_code_display="Ex-smoker",
    ),
    observation("o-deleted", GLUCOSE, 101, "mg/dL", "2020-06-01T09:00:00Z"),
]
# the same record delivered again in another file, byte for byte
OBSERVATIONS.append({**OBSERVATIONS[0], "file_id": "file-9", "record_no": 77})

LABS = [
    lab("r-glucose", GLUCOSE, 5.5, "mmol/L", COLLECTED),
    lab("r-cholesterol", CHOLESTEROL, 5.2, "mmol/l", COLLECTED),
    lab("r-creatinine", CREATININE, 88.4, "µmol/L", COLLECTED),
    lab("r-hba1c", HBA1C, 48, "mmol/mol", COLLECTED),
    lab("r-potassium", POTASSIUM, 4.1, "mEq/L", COLLECTED),
    lab("r-no-unit", POTASSIUM, 4.2, None, COLLECTED),
    lab("r-odd-unit", POTASSIUM, 4.3, "units", COLLECTED),
    lab("r-other-dimension", POTASSIUM, 4.3, "kPa", COLLECTED),
    lab("r-mislabelled", GLUCOSE, 5.5, "mg/dL", COLLECTED),
    lab("r-censored", "30522-7", 0.3, "mg/L", COLLECTED, comparator="<"),
    lab("r-local", "GLUF", 90, "mg/dL", COLLECTED, code_system="local"),
    lab("r-local-other", "GLUF", 90, "mg/dL", COLLECTED, code_system="local", source="elsewhere"),
    lab("r-cancelled", GLUCOSE, 90, "mg/dL", COLLECTED, status="X"),
    lab("r-final-then-corrected", GLUCOSE, 900, "mg/dL", COLLECTED),
    lab(
        "r-final-then-corrected",
        GLUCOSE,
        90,
        "mg/dL",
        COLLECTED,
        status="C",
        resulted_at=COLLECTED + timedelta(days=4),
    ),
    lab("r-late", GLUCOSE, 95, "mg/dL", COLLECTED, resulted_at=COLLECTED + timedelta(days=95)),
    lab("r-no-result-time", GLUCOSE, 96, "mg/dL", COLLECTED, resulted_at=None),
    lab("r-words", GLUCOSE, None, "mg/dL", COLLECTED, value_text="HEMOLYZED"),
]
CONDITIONS = [
    condition("c-two-codes", "E11.9", "2018-05-01", "2018-05-02T10:00:00Z", coding_no=2, record_no=500),
    condition(
        "c-two-codes",
        "44054006",
        "2018-05-01",
        "2018-05-02T10:00:00Z",
        coding_no=1,
        code_system=SNOMED,
        record_no=500,
    ),
    condition("c-old-infarction", "I25.2", "2012", "2018-05-02T10:00:00Z"),
    condition("c-unknown", "Z99.9", "2018-05-01", "2018-05-02T10:00:00Z"),
    condition("c-no-onset", "I10", None, "2018-05-02T10:00:00Z"),
    condition("c-retracted", "I48.91", "2019-01-01", "2019-01-02T10:00:00Z"),
    condition(
        "c-retracted",
        "I48.91",
        "2019-01-01",
        "2019-01-02T10:00:00Z",
        verification_status="entered-in-error",
        last_updated="2019-03-01T10:00:00Z",
    ),
]


@pytest.fixture(scope="module")
def ledger(new_home):
    home = new_home()
    messages_in_the_ledger.put(home)
    home.put("fhir_patient", [patient("p1")])
    home.put("fhir_observation", OBSERVATIONS)
    home.put("fhir_condition", CONDITIONS)
    home.put("lab_result", LABS)
    home.put(
        "fhir_deleted",
        [
            {
                "record_no": 1,
                "resource_type": "Observation",
                "id": "o-deleted",
                "deleted_at": "2020-07-01T00:00:00Z",
                "source": "st_anne",
                "file_id": "file-3",
            }
        ],
    )
    home.dbt("build", "--select", "+twin_fact", "--exclude-resource-type", "unit_test")
    return home


def versions(home, source_id: str, columns: str, component: str = "%"):
    return home.query(
        f"select {columns} from core.twin_fact where source_id = '{source_id}' and component like '{component}'"
        " order by component, version"
    )


def test_identical_content_in_two_files_is_one_version(ledger):
    assert versions(ledger, "o-final", "version, op, event_at, known_at, known_basis, file_id") == [
        (1, "insert", datetime(2020, 1, 1, 9), datetime(2020, 1, 1, 9), "recorded", "file-1")
    ]


def test_a_correction_is_known_when_it_was_made_not_when_the_first_result_was_issued(ledger):
    assert versions(ledger, "o-corrected", "version, op, value_num, known_at, superseded_at") == [
        (1, "insert", 990.0, datetime(2020, 1, 1, 9), datetime(2020, 1, 5, 12)),
        (2, "correct", 99.0, datetime(2020, 1, 5, 12), None),
    ]


def test_entered_in_error_is_a_retraction(ledger):
    assert [op for (op,) in versions(ledger, "o-wrong", "op")] == ["insert", "retract"]
    assert versions(ledger, "c-retracted", "op, known_at") == [
        ("insert", datetime(2019, 1, 2, 10)),
        ("retract", datetime(2019, 3, 1, 10)),
    ]


def test_a_bulk_export_deletion_is_a_retraction(ledger):
    assert versions(ledger, "o-deleted", "op, status, known_at") == [
        ("insert", "final", datetime(2020, 6, 1, 9)),
        ("retract", "deleted", datetime(2020, 7, 1)),
    ]


def test_a_component_left_out_of_a_later_copy_is_retracted(ledger):
    assert [op for (op,) in versions(ledger, "o-bp2", "op", "1")] == ["insert"]
    assert versions(ledger, "o-bp2", "op, known_at", "2")[-1] == ("retract", datetime(2020, 5, 2, 9))


def test_a_date_counts_from_its_end(ledger):
    # known on 2020-03-05 without a time: nobody can say that it was known before midnight
    assert versions(ledger, "o-date", "event_at, event_precision, known_at, known_basis") == [
        (datetime(2020, 3, 1), "month", datetime(2020, 3, 6), "imputed")
    ]


def test_a_result_without_any_record_time_follows_the_stated_rule(ledger):
    # laboratory: three hours after the end of the day (seed known_rule)
    assert versions(ledger, "o-unknown-time", "known_at, known_basis") == [(datetime(2020, 3, 8, 3), "imputed")]
    assert versions(ledger, "r-no-result-time", "known_at, known_basis") == [
        (COLLECTED + timedelta(hours=3), "imputed")
    ]


def test_a_late_result_is_known_late(ledger):
    assert versions(ledger, "r-late", "event_at, known_at") == [(COLLECTED, COLLECTED + timedelta(days=95))]


def test_components_are_facts_of_their_own(ledger):
    assert versions(ledger, "o-bp", "component, concept, value_std, unit_std") == [
        ("0", None, None, None),
        ("1", "systolic_bp", 128.0, "mm[Hg]"),
        ("2", "diastolic_bp", 81.0, "mm[Hg]"),
    ]


@pytest.mark.parametrize(
    ("result", "expected", "unit", "tolerance"),
    [
        ("r-glucose", 99.09, "mg/dL", 0.05),  # 180.156 g/mol
        ("r-cholesterol", 201.06, "mg/dL", 0.05),  # 386.65 g/mol
        ("r-creatinine", 1.0, "mg/dL", 0.001),  # 113.12 g/mol
        ("r-hba1c", 6.54, "%", 0.01),  # NGSP's own table: 48 mmol/mol is 6.5 %
        ("r-potassium", 4.1, "mmol/L", 1e-9),  # valence 1
    ],
)
def test_units_are_converted_per_analyte(ledger, result, expected, unit, tolerance):
    ((value, unit_std, flags),) = versions(ledger, result, "value_std, unit_std, quality_flags")
    assert value == pytest.approx(expected, abs=tolerance)
    assert unit_std == unit
    assert "unit_converted" in flags


@pytest.mark.parametrize(
    ("result", "flag"),
    [
        ("r-no-unit", "unit_missing"),
        ("r-odd-unit", "unit_unknown"),
        ("r-other-dimension", "unit_unconvertible"),
        ("r-mislabelled", "implausible"),
        ("r-words", "value_not_numeric"),
    ],
)
def test_what_cannot_be_converted_keeps_its_original_and_is_flagged(ledger, result, flag):
    ((value, number, flags),) = versions(ledger, result, "value_std, value_num, quality_flags")
    assert value is None
    assert flag in flags.split(",")
    assert number is not None or flag == "value_not_numeric"


def test_a_censored_value_keeps_its_comparator(ledger):
    assert versions(ledger, "r-censored", "comparator, value_std, quality_flags") == [("<", 0.3, "censored")]


def test_local_codes_mean_something_only_in_their_source(ledger):
    assert versions(ledger, "r-local", "concept, code_system") == [("fasting_glucose", "local:riverside")]
    assert versions(ledger, "r-local-other", "concept, code_system") == [(None, "local:elsewhere")]


def test_laboratory_states(ledger):
    assert versions(ledger, "r-cancelled", "op") == [("retract",)]
    assert versions(ledger, "r-final-then-corrected", "op, value_std, known_at") == [
        ("insert", 900.0, COLLECTED),
        ("correct", 90.0, COLLECTED + timedelta(days=4)),
    ]


def test_the_best_of_several_codings_is_kept(ledger):
    assert versions(ledger, "c-two-codes", "concept, code_system, code") == [("type_2_diabetes", "icd10cm", "E11.9")]


def test_the_longest_prefix_wins(ledger):
    assert versions(ledger, "c-old-infarction", "concept, event_precision") == [("myocardial_infarction", "year")]


def test_an_unknown_code_is_kept_and_flagged(ledger):
    assert versions(ledger, "c-unknown", "concept, code, quality_flags") == [(None, "Z99.9", "concept_unknown")]


def test_without_an_onset_the_record_date_is_taken_and_flagged(ledger):
    assert versions(ledger, "c-no-onset", "event_at, quality_flags") == [
        (datetime(2018, 5, 2, 10), "event_from_record")
    ]


def test_coded_answers_become_words(ledger):
    assert versions(ledger, "o-smoking", "concept, value_text, value_code") == [("smoking_status", "former", "8517006")]


def test_icd_codes_are_written_as_delivered(ledger):
    assert ICD10CM not in {system for (system,) in ledger.query("select distinct code_system from core.twin_fact")}

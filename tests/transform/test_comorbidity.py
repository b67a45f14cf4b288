"""The code lists of comorbidity, which were written from the papers, against those of others."""

from __future__ import annotations

import duckdb
import pytest

from lake.settings import PROJECT_DIR

SEEDS = PROJECT_DIR / "transform" / "seeds" / "state"

# groups of the map that others keep, in the order of Quan 2005, and ours
CHARLSON = {
    **{"ami": "myocardial_infarction", "chf": "congestive_heart_failure", "pvd": "peripheral_vascular_disease"},
    **{"cevd": "cerebrovascular_disease", "dementia": "dementia", "copd": "chronic_pulmonary_disease"},
    **{"rheumd": "rheumatic_disease", "pud": "peptic_ulcer_disease", "mld": "mild_liver_disease"},
    **{"diab": "diabetes_without_complication", "diabwc": "diabetes_with_complication", "hp": "paralysis"},
    **{"rend": "renal_disease", "canc": "cancer", "msld": "severe_liver_disease"},
    **{"metacanc": "metastatic_cancer", "aids": "aids"},
}
ELIXHAUSER = {
    **{"chf": "congestive_heart_failure", "carit": "cardiac_arrhythmia", "valv": "valvular_disease"},
    **{"pcd": "pulmonary_circulation_disorder", "pvd": "peripheral_vascular_disease"},
    **{"hypunc": "hypertension_uncomplicated", "hypc": "hypertension_complicated", "para": "paralysis"},
    **{"ond": "other_neurological_disorder", "cpd": "chronic_pulmonary_disease"},
    **{"diabunc": "diabetes_without_complication", "diabc": "diabetes_with_complication"},
    **{"hypothy": "hypothyroidism", "rf": "renal_disease", "ld": "liver_disease", "pud": "peptic_ulcer_disease"},
    **{"aids": "aids", "lymph": "lymphoma", "metacanc": "metastatic_cancer", "solidtum": "solid_tumor"},
    **{"rheumd": "rheumatic_disease", "coag": "coagulopathy", "obes": "obesity", "wloss": "weight_loss"},
    **{"fed": "fluid_electrolyte_disorder", "blane": "blood_loss_anemia", "dane": "deficiency_anemia"},
    **{"alcohol": "alcohol_abuse", "drug": "drug_abuse", "psycho": "psychosis", "depre": "depression"},
}


@pytest.fixture(scope="module")
def codes(shared_data):
    """Both lists as tables `ours`, `theirs` and `weight`, and the groups' names as `named`."""
    connection = duckdb.connect()
    folder = shared_data / "ehr" / "comorbidity_maps"
    connection.execute(f"create table ours as from read_csv('{SEEDS}/comorbidity_code.csv', all_varchar = true)")
    connection.execute(f"create table comorbidity as from read_csv('{SEEDS}/comorbidity.csv')")
    for name, file in (("theirs", "charlson_elixhauser_icd.csv"), ("weight", "weights.csv")):
        connection.execute(f"create table {name} as from read_csv('{folder}/{file}', all_varchar = true)")
    connection.execute("create table named (index_name varchar, other varchar, comorbidity varchar)")
    for index, groups in (("charlson", CHARLSON), ("elixhauser", ELIXHAUSER)):
        connection.executemany("insert into named values (?, ?, ?)", [(index, *pair) for pair in groups.items()])
    yield connection
    connection.close()


@pytest.mark.parametrize("index", ["charlson", "elixhauser"])
@pytest.mark.parametrize(("system", "version"), [("icd10cm", "icd10"), ("icd9cm", "icd9")])
def test_the_codes_of_quan_2005_are_those_of_others(codes, index, system, version):
    """No beginning of a code in one list that the other does not have, group by group."""
    lists = {
        "a": "select comorbidity, code_prefix as code from ours"
        f" where index_name = '{index}' and code_system = '{system}'",
        "b": "select n.comorbidity, t.code_prefix as code from theirs as t inner join named as n"
        f" on n.index_name = '{index}' and t.path = 'mapping/{index}_{version}_quan/' || n.other",
    }
    for one, other in ("ab", "ba"):
        assert codes.execute(f"select count(*) > 100 from ({lists[one]})").fetchall() == [(True,)]
        missing = codes.execute(
            f"select * from ({lists[one]}) as o where not exists (select 1 from ({lists[other]}) as t"
            " where t.comorbidity = o.comorbidity and starts_with(o.code, t.code))"
        ).fetchall()
        assert missing == []


@pytest.mark.parametrize(("index", "weights"), [("charlson", "charlson"), ("elixhauser", "vw")])
def test_the_weights_are_those_of_others(codes, index, weights):
    rows = codes.execute(
        "select c.comorbidity, c.weight, w.value::int from comorbidity as c"
        " inner join named as n on n.index_name = c.index_name and n.comorbidity = c.comorbidity"
        f" left join weight as w on w.path = 'weights/{index}_icd10_quan/{weights}/' || n.other"
        f" where c.index_name = '{index}'"
    ).fetchall()
    assert len(rows) == {"charlson": 17, "elixhauser": 31}[index]
    assert [row for row in rows if row[1] != row[2]] == []


def test_charlson_of_every_admission_is_that_of_the_mimic_oracle(codes, shared_data):
    """275 admissions; the oracle adds a score of age (Charlson 1994), which is taken out here."""
    folder = shared_data / "ehr"
    rows = codes.execute(
        f"""
        with
            diagnosis as (
                select hadm_id, icd_code, case icd_version when 9 then 'icd9cm' else 'icd10cm' end as code_system
                from read_csv('{folder}/mimic_iv_demo_2.2/hosp/diagnoses_icd.csv.gz', types = {{'icd_code': 'varchar'}})
            ),
            held as (
                select hadm_id, list(distinct comorbidity) as comorbidities
                from diagnosis as d inner join ours as o
                    on o.index_name = 'charlson' and o.code_system = d.code_system
                    and starts_with(d.icd_code, o.code_prefix)
                group by 1
            ),
            score as (
                select hadm_id, sum(weight) filter (
                    where overridden_by is null or not list_contains(comorbidities, overridden_by)
                ) as score
                from held inner join comorbidity as c
                    on c.index_name = 'charlson' and list_contains(comorbidities, c.comorbidity)
                group by 1
            )
        select o.hadm_id, o.charlson_comorbidity_index - o.age_score, coalesce(s.score, 0)
        from read_parquet('{folder}/mimic_demo_concept_oracle/charlson.parquet') as o
        left join score as s using (hadm_id)
        """
    ).fetchall()
    assert len(rows) == 275
    assert [row for row in rows if row[1] != row[2]] == []

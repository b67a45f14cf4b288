"""The derived tables of this room: cohorts, the features behind the latest scores, metrics and the scored cohorts."""

from __future__ import annotations

import pyarrow as pa

from lake.tables import UTC_TIME, Table, table

TASK_COHORT = table(
    "task_cohort",
    "One row per task, person and training index date: eligibility, outcome, follow-up and the split.",
    task=pa.string(),
    task_hash=pa.string(),
    person_id=pa.string(),
    index_at=UTC_TIME,
    age_years=pa.float64(),
    sex=pa.string(),
    eligible=pa.bool_(),
    ineligible_reason=pa.string(),
    event_type=pa.string(),
    event_at=UTC_TIME,
    exit_at=UTC_TIME,
    followup_days=pa.float64(),
    split=pa.string(),
    fold=pa.int64(),
)

TASK_ATTRITION = table(
    "task_attrition",
    "One row per task and eligibility step: the person-index-dates that remain after it (TRIPOD flow).",
    task=pa.string(),
    step_no=pa.int64(),
    step=pa.string(),
    n=pa.int64(),
)

FEATURE_VALUE_LATEST = table(
    "feature_value_latest",
    "One row per task, person and feature at the scored index date; absent rows are features that were not known.",
    task=pa.string(),
    person_id=pa.string(),
    index_at=UTC_TIME,
    feature=pa.string(),
    value=pa.float64(),
    unit=pa.string(),
    event_at=UTC_TIME,
    known_at=UTC_TIME,
)

MODEL_METRIC = table(
    "model_metric",
    "One row per task, model, split, subgroup and metric, with a 95% interval by person bootstrap where it was made.",
    task=pa.string(),
    model_name=pa.string(),
    model_version=pa.string(),
    run_id=pa.string(),
    split=pa.string(),
    subgroup=pa.string(),
    metric=pa.string(),
    value=pa.float64(),
    lower=pa.float64(),
    upper=pa.float64(),
    n=pa.int64(),
    n_events=pa.int64(),
)

SCORED_COHORT = table(
    "scored_cohort",
    "One row per task and person at the scored date: risk with interval, the equation's risk, reasons, model version; "
    "people who are not eligible have a reason instead of a score. Research use, not for care.",
    task=pa.string(),
    task_hash=pa.string(),
    person_id=pa.string(),
    as_of=UTC_TIME,
    horizon_days=pa.int64(),
    model_name=pa.string(),
    model_version=pa.string(),
    run_id=pa.string(),
    core_version=pa.string(),
    risk=pa.float64(),
    risk_lo=pa.float64(),
    risk_hi=pa.float64(),
    equation_name=pa.string(),
    risk_equation=pa.float64(),
    risk_competing=pa.float64(),
    percentile=pa.float64(),
    percentile_age_sex=pa.float64(),
    band=pa.string(),
    n_features_missing=pa.int64(),
    key_inputs_missing=pa.string(),
    defaulted_inputs=pa.string(),
    eligible=pa.bool_(),
    ineligible_reason=pa.string(),
    reasons=pa.string(),
    out_of_range_inputs=pa.string(),
    oldest_input_days=pa.float64(),
    actions=pa.string(),
    risk_before=pa.float64(),
    as_of_before=UTC_TIME,
    drift_flag=pa.bool_(),
    interval_days=pa.float64(),
    risk_by_interval=pa.list_(pa.float64()),
    scored_at=UTC_TIME,
)

SCORE_HISTORY = table(
    "score_history",
    "One row per task, person, scored date, model version and core version: every score ever given. "
    "Rows are only added. Research use, not for care.",
    task=pa.string(),
    task_hash=pa.string(),
    person_id=pa.string(),
    as_of=UTC_TIME,
    horizon_days=pa.int64(),
    model_name=pa.string(),
    model_version=pa.string(),
    run_id=pa.string(),
    core_version=pa.string(),
    risk=pa.float64(),
    risk_lo=pa.float64(),
    risk_hi=pa.float64(),
    risk_equation=pa.float64(),
    band=pa.string(),
    interval_days=pa.float64(),
    risk_by_interval=pa.list_(pa.float64()),
    scored_at=UTC_TIME,
)

MODEL_MONITOR = table(
    "model_monitor",
    "One row per task, model version, scored date, core version and thing watched: drift of features, of what is "
    "missing, of scores and alert volume against the training snapshot; O:E of scores whose outcome is known by now.",
    task=pa.string(),
    model_version=pa.string(),
    as_of=UTC_TIME,
    core_version=pa.string(),
    kind=pa.string(),
    watched=pa.string(),
    detail=pa.string(),
    value=pa.float64(),
    reference=pa.float64(),
    statistic=pa.float64(),
    lower=pa.float64(),
    upper=pa.float64(),
    p_value=pa.float64(),
    n=pa.int64(),
    n_reference=pa.int64(),
    status=pa.string(),
)

EQUATION_RISK = table(
    "equation_risk",
    "One row per person and clinical equation at the latest date: its result from what was known, with the inputs that "
    "were defaulted or out of range; no result outside the equation's population. Research use, not for care.",
    person_id=pa.string(),
    as_of=UTC_TIME,
    equation=pa.string(),
    result=pa.float64(),
    result_name=pa.string(),
    unit=pa.string(),
    horizon_days=pa.int64(),
    n_inputs=pa.int64(),
    n_defaulted=pa.int64(),
    defaulted_inputs=pa.string(),
    out_of_range_inputs=pa.string(),
    core_version=pa.string(),
)

DERIVED: tuple[Table, ...] = (
    TASK_COHORT,
    TASK_ATTRITION,
    FEATURE_VALUE_LATEST,
    MODEL_METRIC,
    SCORED_COHORT,
    SCORE_HISTORY,
    MODEL_MONITOR,
    EQUATION_RISK,
)

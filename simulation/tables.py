"""The derived tables of this room: what the models were held against, and what they say about people."""

from __future__ import annotations

import pyarrow as pa

from lake.tables import UTC_TIME, Table, table

SIM_VALIDATION = table(
    "sim_validation",
    "One row per model and published target: what was expected, what the model gives, whether it is within tolerance."
    " Misses stay. role: calibration where the model contains the figure, else reproduction or external.",
    model=pa.string(),
    target=pa.string(),
    expected=pa.float64(),
    found=pa.float64(),
    lower=pa.float64(),
    upper=pa.float64(),
    unit=pa.string(),
    role=pa.string(),
    verdict=pa.string(),
    is_verified=pa.bool_(),
    source=pa.string(),
    model_sha256=pa.string(),
)
TWIN_PARAMETER = table(
    "twin_parameter",
    "One row per person, outcome and parameter of the personal course: posterior quantiles from the person's own"
    " measurements known at the cut-off, effective sample size, and status: fitted, or prior with the reason.",
    person_id=pa.string(),
    model=pa.string(),
    outcome=pa.string(),
    parameter=pa.string(),
    unit=pa.string(),
    p05=pa.float64(),
    p50=pa.float64(),
    p95=pa.float64(),
    effective_members=pa.float64(),
    temper=pa.float64(),
    n_observed=pa.int64(),
    status=pa.string(),
    reason=pa.string(),
    fitted_until=UTC_TIME,
    model_sha256=pa.string(),
)
PROGRESSION_FORECAST = table(
    "progression_forecast",
    "One row per person, outcome, care and horizon. is_backtest: made from what was known at the cut-off and shown next"
    " to the mean of what was then measured; else from today, under current care and under an alternative.",
    person_id=pa.string(),
    disease=pa.string(),
    outcome=pa.string(),
    unit=pa.string(),
    care=pa.string(),
    is_backtest=pa.bool_(),
    made_from=UTC_TIME,
    horizon_years=pa.float64(),
    p05=pa.float64(),
    p50=pa.float64(),
    p95=pa.float64(),
    happened=pa.float64(),
    n_happened=pa.int64(),
    persistence=pa.float64(),
    status=pa.string(),
    reason=pa.string(),
    model=pa.string(),
    model_sha256=pa.string(),
    param_source=pa.string(),
    credibility=pa.string(),
)
SIM_SUMMARY = table(
    "sim_summary",
    "One row per person, scenario and outcome, from an ensemble over what is not known of the person. A solve that"
    " fails, a missing input and an extrapolation are rows with a status, never dropped.",
    person_id=pa.string(),
    scenario=pa.string(),
    outcome=pa.string(),
    unit=pa.string(),
    horizon=pa.string(),
    p05=pa.float64(),
    p50=pa.float64(),
    p95=pa.float64(),
    n_members=pa.int64(),
    n_failed=pa.int64(),
    status=pa.string(),
    reason=pa.string(),
    is_extrapolated=pa.bool_(),
    engine=pa.string(),
    model=pa.string(),
    model_sha256=pa.string(),
    param_source=pa.string(),
    credibility=pa.string(),
)
TREATMENT_RANK = table(
    "treatment_rank",
    "One row per person and treatment: excluded with the rule that forbids it, unknown with what is missing, or ranked"
    " by expected net benefit in major vascular events per 1,000 such people over ten years.",
    person_id=pa.string(),
    treatment=pa.string(),
    status=pa.string(),
    rank_no=pa.int64(),
    benefit=pa.float64(),
    harm=pa.float64(),
    net=pa.float64(),
    net_p05=pa.float64(),
    net_p95=pa.float64(),
    p_best=pa.float64(),
    is_on_front=pa.bool_(),
    reason=pa.string(),
    side_effects=pa.string(),
    source=pa.string(),
)
DERIVED: tuple[Table, ...] = (SIM_VALIDATION, TWIN_PARAMETER, PROGRESSION_FORECAST, SIM_SUMMARY, TREATMENT_RANK)

"""What builds find out about data quality is kept when it changes, and read back as a trend."""

from __future__ import annotations

import pytest

from lake import derived, dq, publish, warehouse
from lake.settings import Settings

RESULT = """
create schema if not exists marts_monitoring;
create or replace table marts_monitoring.dq_result as
select timestamp '{run}' as run_at, * from (values
    ('code_present', 'st', 'completeness', 'warning', {failed}, 10),
    ('time_present', 'st', 'completeness', 'error', 0, 10)
) as t(rule, source_system, kahn_category, severity, failed, total)
cross join (select 'core.twin_fact' as table_name, 'code' as column_name, 'x' as must_hold, 5.0::double as most_percent,
    true as is_latest, null::double as change_percent_points);
alter table marts_monitoring.dq_result add column failed_percent double;
alter table marts_monitoring.dq_result add column is_passed boolean;
update marts_monitoring.dq_result set failed_percent = 10.0 * failed, is_passed = 10 * failed <= most_percent;
"""


def build(settings: Settings, run: str, failed: int) -> None:
    with warehouse.writing(settings) as connection:
        connection.execute(RESULT.format(run=run, failed=failed))
    publish.publish(settings)


def test_a_run_is_kept_if_it_found_something_else(settings: Settings) -> None:
    kept = []
    for run, failed in (("2020-01-01", 1), ("2020-01-02", 1), ("2020-01-03", 2), ("2020-01-04", 1)):
        build(settings, run, failed)
        kept.append(dq.keep(settings))
    assert kept == [True, False, True, True]
    runs = derived.read(settings, dq.DQ_RUN)
    assert sorted({f"{moment:%d}" for moment in runs["run_at"].to_pylist()}) == ["01", "03", "04"]


def test_failed_rules_come_first(settings: Settings) -> None:
    build(settings, "2020-01-01", 3)
    found = dq.results(settings)
    assert [(one.rule, one.is_passed) for one in found] == [("code_present", False), ("time_present", True)]
    assert dq.trend(settings, "code_present")[0][1:] == ("st", 3, 10, 30.0)
    with pytest.raises(KeyError, match="no rule"):
        dq.trend(settings, "no_such_rule")

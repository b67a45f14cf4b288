"""How one element of ``export.xml`` is taken apart, in SQL: macros and HealthKit's names as tables."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from wearables.apple_health.types import BLOOD_TYPE, QUANTITIES, SEX, SLEEP
from wearables.metrics import metric_table, unit_table

SOURCE_TYPE = """
    case
        when contains({0}.device, 'Watch') then 'watch'
        when contains({0}.device, 'iPhone') then 'phone'
        when contains({0}.source_name, 'Watch') then 'watch'
        when contains({0}.source_name, 'iPhone') then 'phone'
        else 'app'
    end
"""

ESCAPES = (
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&apos;", "'"),
    ("&#39;", "'"),
    ("&#10;", "\n"),
    ("&#13;", "\r"),
    ("&#9;", "\t"),
    ("&#160;", "\u00a0"),
    ("&#61;", "="),
    ("&amp;", "&"),
)
"""What Apple escapes, in the order in which it is undone; an entity of a DTD stays as it is."""


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros and the tables of HealthKit's names on a connection."""
    connection.register("hk_type", pa.table({"type": list(QUANTITIES), "metric": list(QUANTITIES.values())}))
    connection.register("hk_sleep", pa.table({"value": list(SLEEP), "stage": list(SLEEP.values())}))
    connection.register("hk_sex", pa.table({"code": list(SEX), "sex": list(SEX.values())}))
    connection.register("hk_blood", pa.table({"code": list(BLOOD_TYPE), "blood_type": list(BLOOD_TYPE.values())}))
    connection.register("metric_dictionary", metric_table())
    connection.register("metric_unit", unit_table())
    # `2018-09-10 02:28:55 -0700`: the format of every time in the export
    connection.execute("""
        create or replace temp macro hk_minutes(hhmm) as
            (hhmm - (abs(hhmm) % 100) * sign(hhmm)) / 100 * 60 + (abs(hhmm) % 100) * sign(hhmm);
        create or replace temp macro hk_offset(s) as
            cast(hk_minutes(case when length(s) = 25 then try_cast(substr(s, 21, 5) as bigint) end) as bigint);
        create or replace temp macro hk_utc(s) as
            make_timestamp(epoch_us(try_cast(substr(s, 1, 19) as timestamp)) - hk_offset(s) * 60000000);
        create or replace temp macro attribute(parts, name) as
            case when list_position(parts, ' ' || name || '=') % 2 = 1
                then parts[list_position(parts, ' ' || name || '=') + 1] end;
    """)
    undone = "s"
    for written, meant in ESCAPES:
        undone = f"replace({undone}, '{written}', {'||'.join(f'chr({ord(one)})' for one in meant)})"
    connection.execute(
        f"create or replace temp macro unescaped(s) as case when contains(s, '&') then {undone} else s end"
    )
    # `<<HKDevice: 0x1>, name:Apple Watch, hardware:Watch6,7, software:9.4>`, escaped
    connection.execute("""
        create or replace temp macro named(device, name) as
            nullif(split_part(split_part(split_part(device, name, 2), ', ', 1), '&gt;', 1), '')
    """)
    connection.execute("create or replace temp macro tidy(s) as trim(replace(unescaped(s), chr(160), ' '))")

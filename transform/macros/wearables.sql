{# Who a dump belongs to: the account it was delivered for. A dump without an account is a person of its own, #}
{# one per file: two people must never be merged because nobody said whose files these are. A file that tells people #}
{# apart itself names them in `subject`. #}
{% macro account_key(subject="null::varchar") -%}
    coalesce(coalesce(account || '/', '') || {{ subject }}, account, 'file:' || left(file_id, 16))
{%- endmacro %}

{# Mean of a sum of decimals, which, other than a sum of doubles, does not depend on the order of the rows; null #}
{# without values. #}
{% macro exact_avg(value) -%}
    round(cast(sum(cast({{ value }} as decimal(24, 6))) as double) / nullif(count({{ value }}), 0), 6)
{%- endmacro %}

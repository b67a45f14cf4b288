{# Codes on their own, without any terminology server: is this a code of its system, and in which form is it stored. #}
{# The same text runs in the warehouse and behind `twin code` (ehr/terminology/codes.py): it knows nothing of dbt. #}
{# LOINC's check digit, mod 10 with every second digit doubled from the right (LOINC Users' Guide, appendix C). Answers #}
{# (LA) and parts (LP) count otherwise and are not checked. #}
{% macro loinc_check_digit_holds(code) -%}
    {%- set body = "regexp_extract(" ~ code ~ ", '([0-9]+)-[0-9]$', 1)" -%}
    {%- set digit = "cast(substr(reverse(" ~ body ~ "), cast(i as integer) + 1, 1) as integer)" -%}
    (
        10 - list_sum(
            list_transform(
                range(length({{ body }})),
                lambda i: case
                    when i % 2 = 0
                    then {{ digit }} * 2 - case when {{ digit }} > 4 then 9 else 0 end
                    else {{ digit }}
                end
            )
        )
        % 10
    )
    % 10
    = cast(right({{ code }}, 1) as integer)
{%- endmacro %}

{# SNOMED CT's check digit: Verhoeff's dihedral group (SNOMED CT Release File Specification, section 6.3). #}
{% macro snomed_check_digit_holds(code) -%}
    {%- set d = "0123456789123406789523401789563401289567401239567859876043216598710432765982104387659321049876543210" -%}
    {%- set p = "01234567891576283094580379614289160435279453126870428657390127938064157046913258" -%}
    {%- set digit = "cast(substr(reverse(" ~ code ~ "), cast(i as integer) + 1, 1) as bigint)" -%}
    list_reduce(
        list_prepend(
            cast(0 as bigint),
            list_transform(
                range(length({{ code }})),
                lambda i:cast(substr('{{ p }}', cast((i % 8) * 10 + {{ digit }} as integer) + 1, 1) as bigint)
            )
        ),
        lambda c,
        x:cast(substr('{{ d }}', cast(c * 10 + x as integer) + 1, 1) as bigint)
    )
    = 0
{%- endmacro %}

{# The eleven digits of a National Drug Code; null where its hyphens do not say which part is short (21 CFR 207.33). #}
{% macro ndc_eleven_digits(code) -%}
    case
        when regexp_full_match({{ code }}, '[0-9]{11}')
        then {{ code }}
        when
            regexp_full_match({{ code }}, '[0-9]{4,5}-[0-9]{3,4}-[0-9]{1,2}')
            and length(replace({{ code }}, '-', '')) between 10 and 11
        then
            lpad(split_part({{ code }}, '-', 1), 5, '0')
            || lpad(split_part({{ code }}, '-', 2), 4, '0')
            || lpad(split_part({{ code }}, '-', 3), 2, '0')
    end
{%- endmacro %}

{# A code as it is compared: ICD without its dot, NDC in eleven digits, others without blanks. #}
{% macro code_key(code_system, code) -%}
    case
        when {{ code_system }} like 'icd%'
        then upper(replace(trim({{ code }}), '.', ''))
        when {{ code_system }} = 'ndc'
        then coalesce({{ ndc_eleven_digits("trim(" ~ code ~ ")") }}, trim({{ code }}))
        else trim({{ code }})
    end
{%- endmacro %}

{# Why a code cannot be one of its system: form, check_digit or ambiguous; null: nothing speaks against it, or the #}
{# system has no rule here. That it is in use only the system's own files can say. #}
{% macro code_problem(code_system, code) -%}
    case
        {{ code_system }}
        when 'loinc'
        then
            case
                when not regexp_full_match({{ code }}, '(L[AP])?[0-9]{1,8}-[0-9]')
                then 'form'
                when not starts_with({{ code }}, 'L') and not ({{ loinc_check_digit_holds(code) }})
                then 'check_digit'
            end
        when 'snomed'
        then
            case
                when not regexp_full_match({{ code }}, '[1-9][0-9]{2,14}[01][0-2][0-9]')
                then 'form'
                when not ({{ snomed_check_digit_holds(code) }})
                then 'check_digit'
            end
        when 'icd10cm'
        then
            case
                when not regexp_full_match({{ code }}, '[A-Z][0-9][0-9AB](\.?[0-9A-Z]{1,4})?') then 'form'
            end
        when 'icd10'
        then case when not regexp_full_match({{ code }}, '[A-Z][0-9]{2}(\.?[0-9]{1,2})?') then 'form' end
        when 'icd9cm'
        then
            case
                when not regexp_full_match({{ code }}, '([0-9]{3}|V[0-9]{2}|E[0-9]{3})(\.?[0-9]{1,2})?')
                then 'form'
            end
        when 'icd10pcs'
        then case when not regexp_full_match({{ code }}, '[0-9A-HJ-NP-Z]{7}') then 'form' end
        when 'rxnorm'
        then case when not regexp_full_match({{ code }}, '[1-9][0-9]{0,7}') then 'form' end
        when 'atc'
        then
            case
                when not regexp_full_match({{ code }}, '[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?')
                then 'form'
            end
        when 'cvx'
        then case when not regexp_full_match({{ code }}, '[0-9]{1,3}') then 'form' end
        when 'ndc'
        then
            case
                when regexp_full_match({{ code }}, '[0-9]{10}')
                then 'ambiguous'
                when {{ ndc_eleven_digits(code) }} is null
                then 'form'
            end
    end
{%- endmacro %}

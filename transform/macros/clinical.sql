{# Clinical formulas as SQL expressions; arguments are SQL expressions in the units named. #}
{# mL/min/1.73 m2 from serum creatinine in mg/dL and age in years: CKD-EPI creatinine equation of 2021, without a term
   for race (Inker 2021, doi:10.1056/NEJMoa2102953, table S10). #}
{% macro egfr_ckd_epi_2021(creatinine, age, sex) -%}
    142 * pow(
        least({{ creatinine }} / case when {{ sex }} = 'female' then 0.7 else 0.9 end, 1),
        case when {{ sex }} = 'female' then -0.241 else -0.302 end
    )
    * pow(greatest({{ creatinine }} / case when {{ sex }} = 'female' then 0.7 else 0.9 end, 1), -1.200)
    * pow(0.9938, {{ age }})
    * case when {{ sex }} = 'female' then 1.012 else 1 end
{%- endmacro %}

{# mg/dL from values of one draw in mg/dL, triglycerides below 400 (Friedewald 1972, doi:10.1093/clinchem/18.6.499). #}
{% macro ldl_friedewald(total, hdl, triglycerides) -%}
    {{ total }} - {{ hdl }} - {{ triglycerides }} / 5
{%- endmacro %}

{# mg/dL from values of one draw in mg/dL, triglycerides up to 800 (Sampson 2020, doi:10.1001/jamacardio.2020.0013). #}
{% macro ldl_sampson(total, hdl, triglycerides) -%}
    {{ total }} / 0.948
    - {{ hdl }} / 0.971
    - (
        {{ triglycerides }} / 8.56
        + {{ triglycerides }} * ({{ total }} - {{ hdl }}) / 2140
        - {{ triglycerides }} * {{ triglycerides }} / 16100
    )
    - 9.44
{%- endmacro %}

{# Liver fibrosis index from age in years, AST and ALT in U/L and platelets in 10^9/L (Sterling 2006, doi:10.1002/hep.21178). #}
{% macro fib4(age, ast, alt, platelets) -%}
    {{ age }} * {{ ast }} / ({{ platelets }} * sqrt({{ alt }}))
{%- endmacro %}

{# Insulin resistance from fasting glucose in mg/dL and insulin in mU/L (Matthews 1985, doi:10.1007/BF00280883). #}
{% macro homa_ir(glucose, insulin) -%} {{ glucose }} * {{ insulin }} / 405 {%- endmacro %}

{# The darkest field of the heat map of filtration rate in mL/min/1.73 m2 and albumin to creatinine ratio in mg/g
   (KDIGO 2024, doi:10.1016/j.kint.2023.10.018, figure 7). #}
{% macro kdigo_very_high_risk(egfr, uacr) -%}
    ({{ egfr }} < 30 or ({{ egfr }} < 45 and {{ uacr }} >= 30) or ({{ egfr }} < 60 and {{ uacr }} > 300))
{%- endmacro %}

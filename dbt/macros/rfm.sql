{# A value of the settings' `rfm` section; a run without it stops rather than score by cut points nobody chose. #}
{% macro rfm_setting(name) %}
    {% if execute and name not in var('rfm') %}
        {% do exceptions.raise_compiler_error(
            'The variable rfm has no "' ~ name ~ '". It comes from the settings file of the company (rfm.' ~ name ~ ').') %}
    {% endif %}
    {{ return(var('rfm').get(name, [0, 0, 0, 0])) }}
{% endmacro %}

{# The three measures as [name, expression that is higher for a better customer, setting of its cut points]. #}
{% macro rfm_measures() %}
    {{ return([
        ['recency', '-recency_days', 'recency_days_cuts'],
        ['frequency', 'frequency', 'frequency_cuts'],
        ['monetary', 'monetary_amount', 'monetary_cuts'],
    ]) }}
{% endmacro %}

{#
  The four bounds that a company chose, in the sense of rfm_measures(): a value above `bound` scores higher. The cut
  points are the last value of a score, so 14 days still score 5; of days that is above -15.
#}
{% macro rfm_configured_bound(measure, setting, number) -%}
    {%- set cuts = rfm_setting(setting) -%}
    {%- if measure == 'recency' -%} {{ -(cuts[4 - number] + 1) }} {%- else -%} {{ cuts[number - 1] }} {%- endif -%}
{%- endmacro %}

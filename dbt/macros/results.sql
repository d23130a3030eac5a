{#
  The rows of a model's results as their latest versions have them: of every day up to as_of_date, or, where
  `current_only`, of as_of_date itself.
#}
{% macro latest_results(table_name, result, current_only=false) -%}
    select results.*
    from {{ ref('stg_ml__' ~ table_name) }} as results
    inner join {{ ref('int_latest_results') }} as versions
        on results.as_of_date = versions.as_of_date
        and results.model_run_id = versions.model_run_id
        and versions.result = {{ text_literal(result) }}
        {%- if current_only %}
        and versions.is_current
        {%- endif %}
{%- endmacro %}

{# The rows of a model's table that stand: of each day up to as_of_date, those of the run posted last. #}
{% macro latest_results(table_name, result) %}
    select results.*
    from {{ source('ml', table_name) }} as results
    inner join (
        select as_of_date, {{ latest_result_version() }} as model_run_id
        from {{ source('ml', 'result_versions') }}
        where result = '{{ result }}'
        group by as_of_date
    ) as versions
        on results.as_of_date = versions.as_of_date and results.model_run_id = versions.model_run_id
    where results.as_of_date <= (select as_of_date from {{ ref('int_run_dates') }})
{% endmacro %}

{% macro latest_result_version() -%}
    max_by(model_run_id, result_version_id)
{%- endmacro %}

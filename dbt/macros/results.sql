{# The rows of a model's table that stand: of each day up to as_of_date, those of the run posted last. #}
{% macro standing_results(table_name, result) %}
    select results.*
    from {{ source('ml', table_name) }} as results
    inner join (
        select as_of_date, {{ latest_posting() }} as model_run_id
        from {{ source('ml', 'postings') }}
        where result = '{{ result }}'
        group by as_of_date
    ) as postings
        on results.as_of_date = postings.as_of_date and results.model_run_id = postings.model_run_id
    where results.as_of_date <= (select as_of_date from {{ ref('int_run_dates') }})
{% endmacro %}

{% macro latest_posting() -%}
    max_by(model_run_id, posting_id)
{%- endmacro %}

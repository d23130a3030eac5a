{#
  The same strategy on Spark, whose Parquet tables know neither delete nor a transaction over two tables. History is in a
  part for each month: the months that rows of changed keys are in, or come to be in, are written anew, with the rows of
  other keys that they had. What a killed run leaves half done is done again by the next one, as the watermark moves last.
#}

{# The month whose part of the history a row is in, as a last column; DuckDB has no use for one. #}
{% macro month_part(day) %}
    {{ return(adapter.dispatch('month_part')(day)) }}
{% endmacro %}
{% macro default__month_part(day) %}{% endmacro %}
{% macro spark__month_part(day) -%}
,
    coalesce(date_format({{ day }}, 'yyyy-MM'), 'none') as order_month
{%- endmacro %}

{# Replaces dbt-spark's, which lets no strategy but its own pass, by the two that the next macro knows. #}
{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) %}
    {% if raw_strategy not in ['append', 'replace_keys'] %}
        {% do exceptions.raise_compiler_error(
            model.name ~ ' asks for the incremental strategy ' ~ raw_strategy ~ '. Here are append and replace_keys.') %}
    {% endif %}
    {{ return(raw_strategy) }}
{% endmacro %}

{# Replaces dbt-spark's: the statement that brings the rows of a view into a table that is there. #}
{% macro dbt_spark_get_incremental_sql(strategy, source, target, existing, unique_key, incremental_predicates) %}
    {{ get_insert_into_sql(source, target) if strategy == 'append' else replace_keys_by_month(source, target, unique_key) }}
{% endmacro %}

{#
  Writes the months anew, and returns the statement that drops those that nothing is left in: they would keep their files.
  The view is computed once for both.
#}
{% macro replace_keys_by_month(source, target, key) %}
    {% do run_query('cache table ' ~ source) %}
    {% set months, emptied = [], [] %}
    {% for month, is_emptied in run_query(changed_months(source, target, key)).rows %}
        {% do months.append(text_literal(month)) %}
        {% if is_emptied %}{% do emptied.append('partition (order_month = ' ~ text_literal(month) ~ ')') %}{% endif %}
    {% endfor %}
    {% if months %}
        {# only so are other months kept, and may a table be read that is written #}
        {% do run_query('set spark.sql.sources.partitionOverwriteMode = dynamic') %}
        {% do run_query(months_written_anew(source, target, key, months)) %}
    {% endif %}
    {% do run_query('uncache table ' ~ source) %}
    {{ return('alter table ' ~ target ~ ' drop if exists ' ~ emptied | join(', ') if emptied else 'select 1') }}
{% endmacro %}

{# Of each month that rows come to, or go from because their key changed: whether it is empty then. #}
{% macro changed_months(source, target, key) %}
select order_month, sum(comes) + sum(stays) = 0 as is_emptied
from (
    select order_month, 1 as comes, 0 as goes, 0 as stays from {{ source }}
    union all
    select
        kept.order_month,
        0,
        case when changed.{{ key }} is null then 0 else 1 end,
        case when changed.{{ key }} is null then 1 else 0 end
    from {{ target }} as kept
    left join (select distinct {{ key }} from {{ ref('int_changed_order_lines') }}) as changed on kept.{{ key }} = changed.{{ key }}
) as moves
group by order_month
having sum(comes) + sum(goes) > 0
{% endmacro %}

{% macro months_written_anew(source, target, key, months) %}
{% set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | join(', ') %}
insert overwrite table {{ target }} partition (order_month)
select {{ columns }} from {{ target }} as kept
left anti join {{ ref('int_changed_order_lines') }} as changed on kept.{{ key }} = changed.{{ key }}
where order_month in ({{ months | join(', ') }})
union all
select {{ columns }} from {{ source }}
{% endmacro %}

{#
  Watermarks on Spark: a row for each time that one is set, and the last of a model's counts. A model that has to be built
  anew has none in it.
#}
{% macro spark__set_watermark(batch) %}
    {% if execute %}
        {% do run_query('create table if not exists ' ~ watermarks()
            ~ ' (model string, batch_id bigint, signature string, number bigint) using parquet') %}
        insert into {{ watermarks() }}
        select
            {{ text_literal(this.identifier) }},
            cast({{ 'null' if batch is none else batch }} as bigint),
            {{ text_literal(var('history_signature')) }},
            coalesce(max(number), 0) + 1
        from {{ watermarks() }}
    {% endif %}
{% endmacro %}

{% macro spark__watermark_query(model_name) %}
    select max_by(batch_id, number) from {{ watermarks() }}
    where model = {{ text_literal(model_name) }}
    having max_by(signature, number) = {{ text_literal(var('history_signature')) }}
{% endmacro %}

{# Sail is built in full. #}
{% macro sail__set_watermark(batch) %}{% endmacro %}
{% macro sail__watermark_query(model_name) %}select 1 as batch_id where false{% endmacro %}
{% macro sail__month_part(day) %}{% endmacro %}

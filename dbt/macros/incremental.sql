{#
  The incremental strategy of this project. The keys of every version of every changed line are known before
  the model runs (int_changed_order_lines); all rows of those keys are deleted and what still exists is inserted,
  and the watermark moves in the same transaction. A key whose lines are all gone so disappears.
#}
{% macro get_incremental_replace_keys_sql(arg_dict) %}
    {% set key = arg_dict['unique_key'] %}
    {% set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') %}
    delete from {{ arg_dict['target_relation'] }}
    where {{ key }} in (select {{ key }} from {{ ref('int_changed_order_lines') }});

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{% endmacro %}

{# Where incremental models keep what they have seen: written by their own hooks, so a state of the graph and no input. #}
{% macro watermarks() %}
    {{ return(api.Relation.create(database=('warehouse' if target.type == 'duckdb' else none), schema='ops', identifier='watermarks')) }}
{% endmacro %}

{#
  Post-hooks that note up to which batch a model has seen everything, under this code and these settings. That is no
  further than what it reads has seen: any part of the graph may run alone, or be all that a killed run got to, and
  what it has not seen has to count as changed later.
#}
{% macro set_watermark(batch) %}
    {{ return(adapter.dispatch('set_watermark')(batch)) }}
{% endmacro %}
{% macro default__set_watermark(batch) %}
    delete from {{ watermarks() }} where model = {{ text_literal(this.identifier) }};
    {% if batch is not none %}
    insert into {{ watermarks() }} values (
        {{ text_literal(this.identifier) }}, {{ batch }}, {{ text_literal(var('history_signature')) }}
    )
    {% endif %}
{% endmacro %}

{# Of an incremental model: what the models that it reads have seen, and where it is not built anew, the changed keys. #}
{% macro move_watermark() %}
    {% set seen = earliest_watermark(varargs) %}
    {% if is_incremental() %}
        {% set changes = watermark_of('int_changed_order_lines') %}
        {% set batch = [watermark_of(this.identifier), [seen or 0, changes or 0] | min] | max %}
    {% else %}
        {% set batch = seen %}
    {% endif %}
    {{ set_watermark(batch) }}
{% endmacro %}

{# The last batch that all of these models have seen; none where one has to be built anew. #}
{% macro earliest_watermark(model_names) %}
    {% set marks = [] %}
    {% for model_name in model_names %}{% do marks.append(watermark_of(model_name)) %}{% endfor %}
    {{ return(none if none in marks else marks | min) }}
{% endmacro %}

{#
  The body of a CTE in a model that adds rows and never changes them: the day that this run posts as of, and the latest
  that was posted before, in `posted_as_of`. No row where that is later: a run as of an earlier day looks back, and adds
  nothing.
#}
{% macro posting_day(posted_as_of) %}
    select run_dates.as_of_date, max(earlier.{{ posted_as_of }}) as posted_through
    from run_dates
    left join {{ this }} as earlier on true
    group by run_dates.as_of_date
    having coalesce(max(earlier.{{ posted_as_of }}), run_dates.as_of_date) <= run_dates.as_of_date
{% endmacro %}

{# The last batch that was loaded. #}
{% macro last_batch() %}
    {% if not execute %}{{ return(none) }}{% endif %}
    {% set found = run_query("select coalesce(max(batch_id), 0) from " ~ ref('stg_ops__batches')) %}
    {{ return(found.columns[0].values()[0]) }}
{% endmacro %}

{# From which batch on lines have changed for some model of the kept history; none when all of it is built anew. #}
{% macro history_watermark() %}
    {% set marks = [] %}
    {% for model_name in ['int_order_line_versions', 'int_order_days'] %}
        {% set mark = none if flags.FULL_REFRESH else watermark_of(model_name) %}
        {% if mark is not none %}{% do marks.append(mark) %}{% endif %}
    {% endfor %}
    {{ return(marks | min if marks else none) }}
{% endmacro %}

{# The last batch that a model has seen under today's code and settings; none when it has to be built anew. #}
{% macro watermark_of(model_name) %}
    {% if not execute %}{{ return(none) }}{% endif %}
    {% set found = run_query(adapter.dispatch('watermark_query')(model_name)) %}
    {{ return(found.columns[0].values()[0] if found.rows | length else none) }}
{% endmacro %}
{% macro default__watermark_query(model_name) %}
    select batch_id from {{ watermarks() }}
    where model = {{ text_literal(model_name) }} and signature = {{ text_literal(var('history_signature')) }}
{% endmacro %}

{#
  Replaces dbt's: history built by other code or settings is as good as none, so it is built anew. A model that says
  so itself, as the posted ledger does, is kept.
#}
{% macro should_full_refresh() %}
    {% if config.get('full_refresh') is not none %}{{ return(config.get('full_refresh')) }}{% endif %}
    {% if flags.FULL_REFRESH %}{{ return(true) }}{% endif %}
    {% if config.get('incremental_strategy') == 'replace_keys' %}
        {{ return(watermark_of(this.identifier) is none) }}
    {% endif %}
    {{ return(false) }}
{% endmacro %}

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

{# Post-hook: the model has seen every batch there is, under this code and these settings. #}
{% macro move_watermark() %}
    delete from {{ source('ops', 'watermarks') }} where model = '{{ this.identifier }}';
    insert into {{ source('ops', 'watermarks') }}
    select '{{ this.identifier }}', coalesce(max(batch_id), 0), '{{ var("history_signature") }}'
    from {{ source('ops', 'batches') }}
{% endmacro %}

{# The last batch that a model has seen under today's code and settings; none when it has to be built anew. #}
{% macro watermark_of(model_name) %}
    {% if not execute %}{{ return(none) }}{% endif %}
    {% set found = run_query(
        "select batch_id from " ~ source('ops', 'watermarks') ~ " where model = '" ~ model_name
        ~ "' and signature = '" ~ var('history_signature') ~ "'") %}
    {{ return(found.columns[0].values()[0] if found.rows | length else none) }}
{% endmacro %}

{# Replaces dbt's: history built by other code or settings is as good as none, so it is built anew. #}
{% macro should_full_refresh() %}
    {% if flags.FULL_REFRESH %}{{ return(true) }}{% endif %}
    {% if config.get('incremental_strategy') == 'replace_keys' %}
        {{ return(watermark_of(this.identifier) is none) }}
    {% endif %}
    {{ return(false) }}
{% endmacro %}

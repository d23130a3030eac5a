{# Which of the versions of a row counts, and which rows are rejected. #}

{# Why a row is rejected, NULL where it is not: the source's own reason, a missing value, a broken rule. #}
{% macro reject_reason(entity) %}
        case
            when _reject_reason is not null then _reject_reason
    {%- for name, type, need in entity_columns(entity) if need != 'optional' %}
            when {{ name }} is null then {{ text_literal(name ~ ' is missing' ~ (' or too large' if type.startswith('decimal') else '')) }}
    {%- endfor %}
    {%- for rule in var('entities').get(entity, {}).get('rules', []) %}
            when {{ rule['wrong'] }} then {{ text_literal(rule['reason']) }}
    {%- endfor %}
        end
{% endmacro %}

{#
  Whether the database that a row came from no longer has it; of those found out after the batch `since`. By IN, which
  looks pairs up in the list; a correlated EXISTS first gathers the distinct pairs of every row.
#}
{% macro is_deleted(relation, since=none) -%}
    ({{ relation }}._batch_id, {{ relation }}._row_number) in (
            select batch_id, row_number from {{ ref('stg_ops__deleted_rows') }}
            {%- if since is not none %} where deleted_by > {{ since }}{% endif %}

        )
{%- endmacro %}

{# CTEs of what is gone: batches of files that were replaced, and rows that their database no longer has. #}
{% macro gone_ctes() %}
replaced_batches as (

    select batch_id
    from {{ ref('stg_ops__batches') }}
    where superseded_by is not null

),

deleted_rows as (

    select distinct batch_id, row_number
    from {{ ref('stg_ops__deleted_rows') }}

),

{% endmacro %}

{#
  CTEs from `judged` (the rows of the CTE `versions`, with a reject_reason; computed_anew) to `judged_rows`: of the rows of a
  key that are neither rejected nor gone (with a file that was replaced, or from their database), that of the highest
  `_version` is accepted where the source has one, else the last of the last file. Most keys have one version, so only
  those with more are compared: a window over every row costs ten times as much.
#}
{% macro row_status_ctes(entity, versions) %}
{% set keys = entity_columns(entity) | selectattr(2, 'equalto', 'key') | map(attribute=0) | list %}
{{ gone_ctes() }}
candidates as {{ computed_anew() }} (

    select
        judged.*,
        reject_reason is null and replaced_batches.batch_id is null and deleted_rows.batch_id is null as is_current
    from judged
    left join replaced_batches on judged._batch_id = replaced_batches.batch_id
    left join deleted_rows on judged._batch_id = deleted_rows.batch_id and judged._row_number = deleted_rows.row_number

),

repeated_keys as (

    select {{ keys | join(', ') }}
    from {{ versions }}
    group by {{ keys | join(', ') }}
    having count(*) > 1

),

superseded as (

    select candidates._batch_id, candidates._file, candidates._row_number, candidates._part
    from candidates
    inner join repeated_keys
        on {% for key in keys %}candidates.{{ key }} = repeated_keys.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}

    where candidates.is_current
    qualify row_number() over (
        partition by {% for key in keys %}candidates.{{ key }}{{ ', ' if not loop.last }}{% endfor %}

        order by
            candidates._version desc nulls last, candidates._batch_id desc, candidates._file desc, candidates._row_number desc,
            candidates._part desc
    ) > 1

),

{%- set replacing = var('order_replacing_sources') if entity == 'order_lines' else [] %}
{%- if replacing %}
-- of these sources an order that comes again replaces all its lines
replaced_orders as (

    select _source, order_id, max(_batch_id) as last_batch_id
    from candidates
    where is_current and _source in ({% for name in replacing %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %})
    group by _source, order_id
    having min(_batch_id) < max(_batch_id)

),
{%- endif %}

judged_rows as (

    select
        candidates.*,
        case
            when candidates.reject_reason is not null then 'rejected'
            when not candidates.is_current or superseded._batch_id is not null then 'superseded'
            {%- if replacing %}
            when candidates._batch_id < replaced_orders.last_batch_id then 'superseded'
            {%- endif %}
            else 'accepted'
        end as row_status
    from candidates
    left join superseded
        on candidates._batch_id = superseded._batch_id
        and candidates._file = superseded._file
        and candidates._row_number = superseded._row_number
        and candidates._part = superseded._part
    {%- if replacing %}
    left join replaced_orders
        on candidates._source = replaced_orders._source and candidates.order_id = replaced_orders.order_id
    {%- endif %}

)
{% endmacro %}

{# Every version of a small entity with its row_status; the whole body of an `int_<entity>_versions` model. #}
{% macro entity_versions(entity) %}
with versions as (

{{ union_entity(entity) }}

),

judged as (

    select
        *,
{{ reject_reason(entity) }} as reject_reason
    from versions

),

{{ row_status_ctes(entity, versions='versions') }}

select * from judged_rows
{% endmacro %}

{# The rows of an entity that stand, for a from clause. #}
{% macro accepted(relation) -%}
    (select * from {{ relation }} where row_status = 'accepted')
{%- endmacro %}

{# The entities whose rows are reconciled one for one with what was read. #}
{% macro reconciled_entities() %}
    {% set names = [] %}
    {% for name, entity in var('entities').items() if entity['reconciled'] %}{% do names.append(name) %}{% endfor %}
    {{ return(names) }}
{% endmacro %}

{# The name of one row of an entity: order_lines -> order_line; feedback has no plural. #}
{% macro entity_singular(entity) -%}
    {{ return(entity[:-1] if entity.endswith('s') else entity) }}
{%- endmacro %}

{# The raw tables whose rows are a reconciled entity's rows one for one, as rows of (source, table_name, entity). #}
{% macro table_entities() -%}
    {%- set rows = [] -%}
    {%- for source_name, tables in var('table_entities').items() -%}
        {%- for table_name, entity in tables.items() if entity in reconciled_entities() -%}
            {%- do rows.append("select " ~ text_literal(source_name) ~ " as source, " ~ text_literal(table_name) ~ " as table_name, "
                ~ text_literal(entity) ~ " as entity") -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ rows | join(' union all ') if rows else "select '' as source, '' as table_name, '' as entity where false" }}
{%- endmacro %}

{#
  The input entities of a company: for each its columns as [name, type, need], need being `key`, `required`
  or `optional`. Staging models bring these columns under these names; the rules below judge every row of
  every source alike.
#}
{% macro entity_columns(entity) %}
    {% set text = dbt.type_string() %}
    {% set money = 'decimal(18, 4)' %}
    {% set entities = {
        'order_lines': [
            ['order_line_id', text, 'key'], ['order_id', text, 'required'], ['customer_id', text, 'optional'],
            ['ordered_at', 'timestamp', 'required'], ['product_id', text, 'optional'],
            ['quantity', 'bigint', 'required'], ['gross_amount', money, 'required'],
            ['discount_amount', money, 'required'], ['net_amount', money, 'required'],
            ['cost_amount', money, 'optional'], ['currency', text, 'optional'], ['channel', text, 'optional'],
            ['store_id', text, 'optional'], ['order_status', text, 'optional'], ['campaign_id', text, 'optional'],
            ['original_order_id', text, 'optional'],
        ],
        'customers': [
            ['customer_id', text, 'key'], ['joined_at', 'timestamp', 'optional'], ['country', text, 'optional'], ['birth_year', 'bigint', 'optional'],
            ['email_consent', 'boolean', 'optional'], ['sms_consent', 'boolean', 'optional'],
            ['language', text, 'optional'], ['attributes', text, 'optional'],
        ],
        'customer_contacts': [
            ['customer_id', text, 'key'], ['email', text, 'optional'], ['phone', text, 'optional'],
        ],
        'products': [
            ['product_id', text, 'key'], ['product_name', text, 'optional'], ['category', text, 'optional'],
            ['brand', text, 'optional'], ['unit_cost', money, 'optional'],
        ],
        'campaigns': [
            ['campaign_id', text, 'key'], ['campaign_name', text, 'optional'], ['campaign_type', text, 'optional'],
            ['start_date', 'date', 'required'], ['end_date', 'date', 'required'],
            ['fixed_cost_amount', money, 'optional'], ['contact_cost_amount', money, 'optional'],
            ['is_randomized', 'boolean', 'optional'], ['planned_treatment_share', 'double', 'optional'],
        ],
        'campaign_members': [
            ['campaign_id', text, 'key'], ['customer_id', text, 'key'], ['arm', text, 'required'],
            ['assigned_at', 'timestamp', 'optional'],
        ],
        'reward_products': [
            ['reward_id', text, 'key'], ['campaign_id', text, 'key'], ['product_id', text, 'key'],
        ],
        'reward_redemptions': [
            ['redemption_id', text, 'key'], ['customer_id', text, 'required'], ['campaign_id', text, 'optional'],
            ['reward_id', text, 'optional'], ['redeemed_at', 'timestamp', 'required'], ['order_id', text, 'optional'],
            ['points', 'bigint', 'optional'], ['cost_amount', money, 'optional'],
        ],
        'customer_events': [
            ['event_id', text, 'key'], ['customer_id', text, 'required'], ['event_type', text, 'required'],
            ['occurred_at', 'timestamp', 'required'], ['duration_seconds', 'bigint', 'optional'],
            ['reference_id', text, 'optional'],
        ],
        'customer_feedback': [
            ['feedback_id', text, 'key'], ['customer_id', text, 'required'], ['given_at', 'timestamp', 'required'],
            ['channel', text, 'optional'], ['rating', 'double', 'required'], ['comment', text, 'optional'],
        ],
        'programme_costs': [
            ['cost_id', text, 'key'], ['cost_date', 'date', 'required'], ['category', text, 'required'],
            ['amount', money, 'required'], ['campaign_id', text, 'optional'],
        ],
        'exchange_rates': [
            ['rate_date', 'date', 'key'], ['currency', text, 'key'], ['rate', 'decimal(18, 8)', 'required'],
        ],
        'point_adjustments': [
            ['adjustment_id', text, 'key'], ['customer_id', text, 'required'], ['adjusted_at', 'timestamp', 'required'],
            ['points', 'bigint', 'required'], ['reason', text, 'optional'],
        ],
    } %}
    {{ return(entities[entity]) }}
{% endmacro %}

{# The entities whose rows are reconciled one for one with what was read. #}
{% macro entity_names() %}
    {{ return(['order_lines', 'customers', 'products', 'campaigns', 'campaign_members', 'reward_products',
        'reward_redemptions', 'customer_events', 'customer_feedback', 'programme_costs', 'exchange_rates',
        'point_adjustments']) }}
{% endmacro %}

{% macro entity_keys(entity) %}
    {% set keys = [] %}
    {% for name, type, need in entity_columns(entity) if need == 'key' %}{% do keys.append(name) %}{% endfor %}
    {{ return(keys) }}
{% endmacro %}

{# Reasons beyond missing values, as [condition that is wrong, reason]; the first that holds is given. #}
{% macro entity_rules(entity) %}
    {% set rules = {
        'order_lines': [
            ["order_status not in ('completed', 'cancelled', 'test')", "order_status is not completed, cancelled or test"],
            ["gross_amount <> net_amount + discount_amount", "gross_amount is not net_amount plus discount_amount"],
            ["quantity < 0 and net_amount > 0", "a return with a positive net_amount"],
            ["quantity > 0 and net_amount < 0", "a sale with a negative net_amount"],
        ],
        'campaigns': [["end_date < start_date", "end_date is before start_date"]],
        'campaign_members': [["arm not in ('treatment', 'control')", "arm is not treatment or control"]],
        'customer_feedback': [["rating < 0 or rating > 10", "rating is outside 0 to 10"]],
        'exchange_rates': [["rate <= 0", "rate is not positive"]],
    } %}
    {{ return(rules.get(entity, [])) }}
{% endmacro %}

{#
  The staging models that bring an entity, as [source, relation]. Contacts come with the customers, and are kept apart
  so that direct identifiers stand in one table that is never published.
#}
{% macro entity_relations(entity) %}
    {% set staged = 'customers' if entity == 'customer_contacts' else entity %}
    {% set relations = [] %}
    {% for source, entities in var('source_entities').items() if staged in entities %}
        {% do relations.append([source, ref('stg_' ~ source ~ '__' ~ staged)]) %}
    {% endfor %}
    {{ return(relations) }}
{% endmacro %}

{#
  All versions of an entity's rows from every source: the entity's columns, prefixed where keys of sources
  could collide, and `_source`, `_batch_id`, `_file`, `_row_number`, `_reject_reason` (of the source's own
  mapping). A missing optional column is NULL; a missing required one stops the build and lists what was found.
#}
{% macro union_entity(entity) %}
    {% set relations = entity_relations(entity) %}
    {% for source, relation in relations %}
        {% if not loop.first %}union all{% endif %}
        {{ select_entity(entity, source, relation) }}
    {% endfor %}
    {% if not relations %}{{ select_no_entity(entity) }}{% endif %}
{% endmacro %}

{% macro select_entity(entity, source, relation) %}
    {% set present = [] %}
    {% if execute %}
        {% for column in adapter.get_columns_in_relation(relation) %}{% do present.append(column.name) %}{% endfor %}
        {% do require_columns(entity, relation, present) %}
    {% endif %}
        select
        {%- for name, type, need in entity_columns(entity) %}
            {{ entity_expression(source, name, type, need, name in present) }} as {{ name }},
        {%- endfor %}
            '{{ source }}' as _source,
            _batch_id,
            _file,
            _row_number,
            {{ '_reject_reason' if '_reject_reason' in present else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as _reject_reason
        from {{ relation }}
{% endmacro %}

{% macro entity_expression(source, name, type, need, is_present) %}
    {%- set prefix = var('key_prefixes').get(source, {}).get(name, '') -%}
    {%- set value = "'" ~ prefix ~ "' || " ~ name if prefix else name -%}
    {%- if not is_present -%}cast(null as {{ type }})
    {%- elif need == 'key' and type == dbt.type_string() -%}
        coalesce({{ value }}, 'missing-' || {{ as_text('_batch_id') }} || '-' || {{ as_text('_row_number') }})
    {%- else -%}cast({{ value }} as {{ type }}){%- endif -%}
{% endmacro %}

{% macro require_columns(entity, relation, present) %}
    {% set service = ['_batch_id', '_file', '_row_number'] %}
    {% set needed = service + (entity_columns(entity) | rejectattr(2, 'equalto', 'optional') | map(attribute=0) | list) %}
    {% set missing = needed | reject('in', present) | list %}
    {% if missing %}
        {% do exceptions.raise_compiler_error(
            relation.identifier ~ ' lacks the required column(s) ' ~ missing | join(', ') ~ ' of the entity ' ~ entity
            ~ '. Found: ' ~ present | join(', ') ~ '. Map them in dbt/models/staging/.') %}
    {% endif %}
{% endmacro %}

{% macro select_no_entity(entity) %}
        select
        {%- for name, type, need in entity_columns(entity) %}
            cast(null as {{ type }}) as {{ name }},
        {%- endfor %}
            {{ as_text('null') }} as _source,
            cast(null as bigint) as _batch_id,
            {{ as_text('null') }} as _file,
            cast(null as bigint) as _row_number,
            {{ as_text('null') }} as _reject_reason
        where false
{% endmacro %}

{# Why a row is rejected, NULL where it is not: the source's own reason, a missing value, a broken rule. #}
{% macro reject_reason(entity) %}
        case
            when _reject_reason is not null then _reject_reason
    {%- for name, type, need in entity_columns(entity) %}
        {%- if need == 'key' and type == dbt.type_string() %}
            when {{ name }} like 'missing-%' then '{{ name }} is missing'
        {%- elif need != 'optional' %}
            when {{ name }} is null then '{{ name }} is missing'
        {%- endif %}
    {%- endfor %}
    {%- for condition, reason in entity_rules(entity) %}
            when {{ condition }} then '{{ reason }}'
    {%- endfor %}
        end
{% endmacro %}

{#
  CTEs from `judged` (the rows of the CTE `versions`, with a reject_reason; computed_anew) to `judged_rows`: of the rows of a key that are
  neither rejected nor part of a file that was replaced, the last of the last file is accepted. Most keys have one
  version, so only those with more are compared: a window over every row costs ten times as much.
#}
{% macro row_status_ctes(entity, versions) %}
{% set keys = entity_keys(entity) %}
candidates as {{ computed_anew() }} (

    select
        *,
        reject_reason is null and _batch_id not in (
            select batch_id from {{ ref('stg_ops__batches') }} where superseded_by is not null
        ) as is_current
    from judged

),

repeated_keys as (

    select {{ keys | join(', ') }}
    from {{ versions }}
    group by {{ keys | join(', ') }}
    having count(*) > 1

),

superseded as (

    select candidates._batch_id, candidates._file, candidates._row_number
    from candidates
    inner join repeated_keys
        on {% for key in keys %}candidates.{{ key }} = repeated_keys.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}

    where candidates.is_current
    qualify row_number() over (
        partition by {% for key in keys %}candidates.{{ key }}{{ ', ' if not loop.last }}{% endfor %}

        order by candidates._batch_id desc, candidates._file desc, candidates._row_number desc
    ) > 1

),

judged_rows as (

    select
        candidates.*,
        case
            when candidates.reject_reason is not null then 'rejected'
            when not candidates.is_current or superseded._batch_id is not null then 'superseded'
            else 'accepted'
        end as row_status
    from candidates
    left join superseded
        on candidates._batch_id = superseded._batch_id
        and candidates._file = superseded._file
        and candidates._row_number = superseded._row_number

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

{# For staging: the columns whose text does not convert, as a reason; NULL where all do. [column, type] each. #}
{% macro conversion_reason(columns) -%}
    nullif(concat_ws(', '
    {%- for column, type in columns -%}
        , case when {{ column }} is not null and try_cast({{ column }} as {{ type }}) is null
            then '{{ column }} is not a {{ type }}' end
    {%- endfor -%}
    ), '')
{%- endmacro %}

{# An amount at the order day's exchange rate, unconverted where the order is in the base currency. #}
{% macro in_base_currency(amount) -%}
    case when currency = '{{ var("base_currency") }}' then {{ amount }}
        else {{ money(amount ~ ' * exchange_rate') }} end
{%- endmacro %}

{# The name of one row of an entity: order_lines -> order_line; feedback has no plural. #}
{% macro entity_singular(entity) -%}
    {{ return(entity[:-1] if entity.endswith('s') else entity) }}
{%- endmacro %}

{# The raw tables whose rows are an entity's rows one for one, as rows of (source, table_name, entity). #}
{% macro table_entities() -%}
    {%- set rows = [] -%}
    {%- for source_name, tables in var('table_entities').items() -%}
        {%- for table_name, entity in tables.items() -%}
            {%- do rows.append("select '" ~ source_name ~ "' as source, '" ~ table_name ~ "' as table_name, '" ~ entity ~ "' as entity") -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ rows | join(' union all ') if rows else "select '' as source, '' as table_name, '' as entity where false" }}
{%- endmacro %}

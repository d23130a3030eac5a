{#
  The keys that have to be computed anew: of every line in the batches that some incremental model has not seen,
  and every order that any version of those lines belonged to. Empty where history is built in full anyway.
#}
{{ config(
    post_hook="{{ set_watermark(none if history_watermark() is none
        else earliest_watermark(['int_exchange_rate_versions', 'int_product_versions'])) }}",
) }}
{% set versions = this.incorporate(path={'identifier': 'int_order_line_versions'}) %}
{% set watermark = history_watermark() %}
-- depends_on: {{ ref('int_exchange_rate_versions') }}, {{ ref('int_product_versions') }}, {{ ref('stg_ops__batches') }}, {{ ref('stg_ops__deleted_rows') }}{% for source, relation in entity_relations('order_lines') %}, {{ relation }}{% endfor %}
{% if watermark is not none %}
with rates as (

    select * from {{ ref('int_exchange_rate_versions') }}

),

products as (

    select * from {{ ref('int_product_versions') }}

),

changed_batches as (

    select batch_id, source, table_name
    from {{ ref('stg_ops__batches') }}
    where batch_id > {{ watermark }} or superseded_by > {{ watermark }}

),

delivered as {{ computed_anew() }} (

{{ union_entity('order_lines') }}

),

-- one question a branch: a scan passes over what a branch cannot want, and over nothing where `or` joins them
fresh as (

    select order_line_id, order_id
    from delivered
    where _batch_id in (select batch_id from changed_batches)

    union all

    select order_line_id, order_id
    from delivered
    where {{ is_deleted('delivered', since=watermark) }}

    {%- for source, relation in entity_relations('order_lines') %}
    {%- set others = tables_read_beside(source, relation) %}
    {%- if others %}

    union all

    -- the mapping reads these tables too, so a change in them can be one of any line
    select order_line_id, order_id
    from delivered
    where _source = '{{ source }}' and exists (
        select 1 from changed_batches
        where source = '{{ source }}' and table_name in ('{{ others | join("', '") }}')
    )
    {%- endif %}
    {%- endfor %}

),

-- a rate that came or changed values the foreign lines of the days that it can hold for anew
revalued as (

    select versions.order_line_id
    from {{ versions }} as versions
    inner join rates
        on versions.currency = rates.currency
        and versions.order_date >= rates.rate_date
        and versions.order_date <= {{ add_days('rates.rate_date', var('exchange_rate_days')) }}
    where rates._batch_id in (select batch_id from changed_batches)

),

-- a product's cost is that of all its lines without one
changed_products as (

    select distinct product_id
    from products
    where _batch_id in (select batch_id from changed_batches) or {{ is_deleted('products', since=watermark) }}

),

costed as (

    select versions.order_line_id
    from {{ versions }} as versions
    left join products on versions.product_id = products.product_id and products.row_status = 'accepted'
    where versions.product_id in (select product_id from changed_products)
        and coalesce(versions.unit_cost, -1) <> coalesce(products.unit_cost, -1)

),

{%- set whole = var('whole_order_sources') %}
{%- if whole %}

-- of these sources a change reaches every line of its orders, also of those that a line has left
touched as (

    select order_id from fresh
    union
    select order_id from {{ versions }} where order_line_id in (select order_line_id from fresh)

),
{%- endif %}

known as (
    select order_line_id, order_id
    from {{ versions }}
    where
        order_line_id in (
            select order_line_id from fresh
            union all
            select order_line_id from revalued
            union all
            select order_line_id from costed
        )
        {%- for source in whole %}
        or _source = '{{ source }}' and order_id in (select order_id from touched)
        {%- endfor %}

)

select distinct order_line_id, order_id from fresh
union
select distinct order_line_id, order_id from known
{% else %}
select {{ as_text('null') }} as order_line_id, {{ as_text('null') }} as order_id
where false
{% endif %}

{{ config(
    materialized='table' if target.type == 'sail' else 'incremental',
    incremental_strategy='replace_keys',
    unique_key='order_line_id',
    partition_by='order_month' if target.type == 'spark' else none,
    on_schema_change='fail',
    post_hook="{{ move_watermark('int_exchange_rate_versions', 'int_product_versions') }}",
) }}
-- depends_on: {{ ref('int_changed_order_lines') }}
{# What a line brings that is passed on as it is, its numbers, and the place that it comes from. #}
{% set told = ['order_line_id', 'order_id', 'customer_id', 'product_id', 'original_order_id', 'campaign_id', 'store_id', 'channel',
    'discount_code', 'country', 'marketing_source', 'marketing_medium', 'marketing_campaign', 'is_subscription', 'is_return_date_assumed'] %}
{% set amounts, place = ['quantity', 'gross_amount', 'discount_amount', 'net_amount', 'cost_amount'], ['_source', '_batch_id', '_file',
    '_row_number', '_part'] %}
{% set anew = computed_anew() if not is_incremental() else '' %}
with delivered as {{ anew }} (

{{ union_entity('order_lines', among=ref('int_changed_order_lines') if is_incremental() else none) }}

),

lines as {{ anew }} (

    select
        {{ (told + amounts + place) | join(', ') }},
        coalesce(currency, {{ text_literal(var('base_currency')) }}) as currency,
        coalesce(order_status, 'completed') as order_status,
        ordered_at,
        {{ business_date('ordered_at') }} as order_date,
        _version,
        _reject_reason
    from delivered

),

rates as (

    select * from {{ ref('int_exchange_rate_periods') }}

),

unit_costs as (

    select product_id, unit_cost from {{ accepted(ref('int_product_versions')) }}
    where unit_cost is not null

),

valued as {{ computed_anew() }} (

    select
        lines.*,
        unit_costs.unit_cost,
        {{ rate_of('lines.currency', 'rates') }} as exchange_rate
    from lines
    left join unit_costs on lines.product_id = unit_costs.product_id
    left join rates
        on lines.currency = rates.currency
        and lines.order_date >= rates.valid_from
        and lines.order_date < rates.valid_to

),

judged as {{ computed_anew() }} (

    select
        *,
        coalesce(
{{ reject_reason('order_lines') }},
            {{ rate_reason('order_date', ['net_amount', 'discount_amount', 'cost_amount']) }}
        ) as reject_reason
    from valued

),

{{ row_status_ctes('order_lines', versions='lines') }}

select
    {{ told | join(', ') }},
    currency,
    order_status,
    quantity,
    -- net and discount are rounded at the order day's rate, gross is their sum, so the identity holds in base currency
    try_cast(cast({{ in_base_currency('net_amount') }} as decimal(22, 4)) + {{ in_base_currency('discount_amount') }}
        as decimal(18, 4)) as gross_amount,
    {{ in_base_currency('discount_amount') }} as discount_amount,
    {{ in_base_currency('net_amount') }} as net_amount,
    -- a line without a cost of its own costs what its product does, in the base currency
    coalesce({{ in_base_currency('cost_amount') }}, try_cast(quantity * unit_cost as decimal(18, 4))) as cost_amount,
    unit_cost,
    net_amount as net_amount_delivered,
    ordered_at,
    order_date,
    -- an amount that is refunded without goods has quantity 0
    quantity < 0 or net_amount < 0 as is_return,
    {{ place | join(', ') }},
    row_status,
    reject_reason{{ month_part('order_date') }}
from judged_rows

{{ config(
    materialized='table' if target.type == 'sail' else 'incremental',
    incremental_strategy='replace_keys',
    unique_key='order_id',
    partition_by='order_month' if target.type == 'spark' else none,
    on_schema_change='fail',
    post_hook="{{ move_watermark('int_order_line_versions') }}",
) }}
-- depends_on: {{ ref('int_changed_order_lines') }}
with lines as (

    select *, {{ cost_or_assumed() }} as cost
    from {{ ref('int_order_line_versions') }}
    where row_status = 'accepted'
    {% if is_incremental() %}
        and order_id in (select order_id from {{ ref('int_changed_order_lines') }})
    {% endif %}

)

select
    order_id,
    customer_id,
    order_date,
    order_status,
    min(ordered_at) as ordered_at,
    min(channel) as channel,
    min(store_id) as store_id,
    min(_source) as source,
    count(*) as lines_count,
    count(*) filter (where not is_return) as sale_lines_count,
    cast(coalesce(sum(quantity) filter (where not is_return), 0) as decimal(18, 4)) as quantity,
    {{ money('coalesce(sum(gross_amount) filter (where not is_return), 0)') }} as gross_amount,
    {{ money('coalesce(sum(discount_amount) filter (where not is_return), 0)') }} as discount_amount,
    {{ money('coalesce(sum(net_amount) filter (where not is_return), 0)') }} as net_amount,
    {{ money('coalesce(sum(net_amount) filter (where not is_return) - sum(cost) filter (where not is_return), 0)') }}
        as margin_amount,
    {{ money('coalesce(sum(net_amount) filter (where is_return), 0)') }} as return_amount,
    {{ money('coalesce(sum(net_amount) filter (where is_return) - sum(cost) filter (where is_return), 0)') }}
        as return_margin_amount,
    count(*) filter (where cost_amount is null) as lines_at_assumed_margin_count,
    case when min(currency) = max(currency) then min(currency) end as currency,
    {{ money('coalesce(sum(net_amount_delivered) filter (where not is_return), 0)') }} as own_net_amount{{ month_part('order_date') }}
from lines
group by order_id, customer_id, order_date, order_status

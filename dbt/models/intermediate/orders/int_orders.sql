-- One row per sale document, whatever its day. Its completed lines count; where it has none, the cancelled or test ones.
with order_days as (

    select * from {{ ref('int_order_days') }}
    where sale_line_count > 0

),

counted as (

    select
        *,
        max(case when order_status = 'completed' then 1 else 0 end) over (partition by order_id) as has_completed
    from order_days

)

select
    order_id,
    min(customer_id) as customer_id,
    min(ordered_at) as ordered_at,
    min(order_date) as order_date,
    min(channel) as channel,
    min(store_id) as store_id,
    min(source) as source,
    min(order_status) as order_status,
    cast(sum(sale_line_count) as bigint) as line_count,
    cast(sum(quantity) as bigint) as quantity,
    {{ money('sum(gross_amount)') }} as gross_amount,
    {{ money('sum(discount_amount)') }} as discount_amount,
    {{ money('sum(net_amount)') }} as net_amount,
    {{ money('sum(margin_amount)') }} as margin_amount,
    min(customer_id) is not null and min(order_status) = 'completed' and sum(net_amount) > 0 as is_valid
from counted
where order_status = 'completed' or has_completed = 0
group by order_id

{#
  Sales by the source and channel that brought them: orders and their discounts by the day of the order, returns on their
  own day. Guests count, as they do in net sales.
#}
with sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

orders as (

    select * from {{ ref('int_orders') }}
    where order_status = 'completed'

),

numbered_orders as (

    select * from {{ ref('int_numbered_orders') }}
    where order_number = 1

),

amounts as (

    select
        source,
        coalesce(channel, 'unknown') as channel,
        order_date as date_day,
        count(*) filter (where is_return) as returned_lines_count,
        sum(net_amount) as net_amount,
        coalesce(-sum(net_amount) filter (where is_return), 0) as returned_amount,
        coalesce(sum(net_amount) filter (where not is_return), 0) as sold_amount
    from sale_lines
    group by 1, 2, 3

),

counts as (

    select
        orders.source,
        coalesce(orders.channel, 'unknown') as channel,
        orders.order_date as date_day,
        count(*) as orders_count,
        count(numbered_orders.order_id) as new_customers_count,
        count(*) filter (where orders.discount_amount > 0) as discounted_orders_count,
        sum(orders.net_amount) as ordered_amount,
        sum(orders.gross_amount) as gross_amount,
        sum(orders.discount_amount) as discount_amount
    from orders
    left join numbered_orders on orders.order_id = numbered_orders.order_id
    group by 1, 2, 3

)

select
    coalesce(counts.source, amounts.source) as source,
    coalesce(counts.channel, amounts.channel) as channel,
    coalesce(counts.date_day, amounts.date_day) as date_day,
    coalesce(counts.orders_count, 0) as orders_count,
    coalesce(counts.new_customers_count, 0) as new_customers_count,
    coalesce(counts.discounted_orders_count, 0) as discounted_orders_count,
    coalesce(amounts.returned_lines_count, 0) as returned_lines_count,
    {{ money('coalesce(counts.ordered_amount, 0)') }} as ordered_amount,
    {{ money('coalesce(counts.gross_amount, 0)') }} as gross_amount,
    {{ money('coalesce(counts.discount_amount, 0)') }} as discount_amount,
    {{ money('coalesce(amounts.net_amount, 0)') }} as net_amount,
    {{ money('coalesce(amounts.sold_amount, 0)') }} as sold_amount,
    {{ money('coalesce(amounts.returned_amount, 0)') }} as returned_amount
from counts
full outer join amounts
    on counts.source = amounts.source and counts.channel = amounts.channel and counts.date_day = amounts.date_day

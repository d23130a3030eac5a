{#
  A return counts on its own day, but never before the order's. What is left of the order's value is counted in its own
  currency, so that an exchange rate that moved since leaves nothing behind.
#}
with order_returns as (

    select * from {{ ref('int_order_returns') }}

),

valid_orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

),

dated as (

    select
        valid_orders.order_id,
        valid_orders.customer_id,
        valid_orders.order_date,
        valid_orders.net_amount,
        valid_orders.own_net_amount,
        greatest(order_returns.return_date, valid_orders.order_date) as return_date,
        {{ money('sum(order_returns.return_amount)') }} as return_amount,
        case when count(*) = count(order_returns.own_return_amount) then
            {{ money('sum(order_returns.own_return_amount)') }}
        end as own_return_amount
    from order_returns
    inner join valid_orders
        on order_returns.order_id = valid_orders.order_id
    group by 1, 2, 3, 4, 5, 6

),

summed as (

    select
        *,
        {{ money('sum(return_amount) over so_far') }} as return_amount_so_far,
        case when count(*) over so_far = count(own_return_amount) over so_far then
            {{ money('sum(own_return_amount) over so_far') }}
        end as own_return_amount_so_far
    from dated
    window so_far as (partition by order_id order by return_date)

)

select
    order_id,
    customer_id,
    order_date,
    net_amount,
    return_date,
    return_amount,
    greatest({{ money('round(net_amount * coalesce(' ~ rate('own_net_amount + own_return_amount_so_far', 'own_net_amount')
        ~ ', ' ~ rate('net_amount + return_amount_so_far', 'net_amount') ~ '), 4)') }}, 0) as remaining_amount
from summed

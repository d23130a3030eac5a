-- One row per valid order and day up to as_of_date on which lines of it came back; never before the order's own day.
select
    orders.order_id,
    orders.customer_id,
    orders.order_date,
    greatest(returns.return_date, orders.order_date) as return_date,
    {{ money('sum(returns.return_amount)') }} as return_amount
from {{ ref('int_order_returns') }} as returns
inner join {{ ref('int_orders') }} as orders
    on returns.order_id = orders.order_id
where orders.is_valid and returns.return_date <= (select as_of_date from {{ ref('int_run_dates') }})
group by 1, 2, 3, 4

{#
  One row per customer and day from the first valid order on: what counts in the customer's cohort. Sales do, and
  returns that belong to a valid order of the customer. Other returns, and anything before the first valid order,
  count in revenue and stay outside cohorts.
#}
with customers as (

    select customer_id, cohort_month, first_order_date
    from {{ ref('int_customers') }}
    where cohort_month is not null

),

customer_days as (

    select *
    from {{ ref('int_customer_daily') }}
    where order_date <= (select as_of_date from {{ ref('int_run_dates') }})

),

linked_returns as (

    select
        orders.customer_id,
        returns.return_date,
        {{ money('sum(returns.return_amount)') }} as return_amount
    from {{ ref('int_order_returns') }} as returns
    inner join {{ ref('int_orders') }} as orders
        on returns.order_id = orders.order_id and returns.return_date >= orders.order_date
    where orders.is_valid
    group by orders.customer_id, returns.return_date

)

select
    customers.customer_id,
    customers.cohort_month,
    customers.first_order_date,
    days.order_date,
    days.has_valid_order,
    -- a linked return that came back under another name, or none, is not among this customer's returns
    days.sales_net_amount
        + greatest(days.return_amount, coalesce(linked_returns.return_amount, 0)) as net_amount
from customer_days as days
inner join customers
    on days.customer_id = customers.customer_id and days.order_date >= customers.first_order_date
left join linked_returns
    on days.customer_id = linked_returns.customer_id and days.order_date = linked_returns.return_date

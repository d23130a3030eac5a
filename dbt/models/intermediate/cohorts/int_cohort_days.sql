{#
  What counts in the cohort of a customer, from the first valid order on: sales, and returns that belong to a valid order
  of the customer. Other returns, and anything before the first valid order, count in revenue and stay outside cohorts.
#}
with customers as (

    select * from {{ ref('int_customers') }}
    where cohort_month is not null

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

order_returns as (

    select * from {{ ref('int_order_returns') }}

),

valid_orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

),

linked_returns as (

    select
        valid_orders.customer_id,
        order_returns.return_date,
        {{ money('sum(order_returns.return_amount)') }} as return_amount,
        {{ money('sum(order_returns.return_margin_amount)') }} as return_margin_amount
    from order_returns
    inner join valid_orders
        on order_returns.order_id = valid_orders.order_id and order_returns.return_date >= valid_orders.order_date
    group by valid_orders.customer_id, order_returns.return_date

)

select
    customers.customer_id,
    customers.cohort_month,
    customers.first_order_date,
    customer_daily.order_date,
    customer_daily.orders_count,
    customer_daily.has_valid_order,
    customer_daily.sales_net_amount + coalesce(linked_returns.return_amount, 0) as net_amount,
    customer_daily.sales_margin_amount + coalesce(linked_returns.return_margin_amount, 0) as margin_amount
from customer_daily
inner join customers
    on customer_daily.customer_id = customers.customer_id and customer_daily.order_date >= customers.first_order_date
left join linked_returns
    on customer_daily.customer_id = linked_returns.customer_id and customer_daily.order_date = linked_returns.return_date

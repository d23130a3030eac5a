{#
  One row per customer and as_of_date at which a total of the customer moves: what entered the history since the
  as_of_date before, and what left the trailing 365 days. Running sums of these rows are the customer's totals at
  every as_of_date, without joining each day of history to each date it is told as of.
#}
{%- macro first_as_of(day) -%}
    least(last_day({{ day }}), run_dates.as_of_date)
{%- endmacro -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_days as (

    select *
    from {{ ref('int_customer_days') }}
    where order_date <= (select as_of_date from run_dates)

),

movements as (

    select
        days.customer_id,
        {{ first_as_of('days.order_date') }} as as_of_date,
        days.orders_count,
        days.net_amount,
        days.orders_count as orders_count_365d,
        days.net_amount as net_amount_365d,
        cast(null as date) as order_date,
        cast(null as date) as previous_order_date
    from customer_days as days
    cross join run_dates

    union all

    select
        days.customer_id,
        {{ first_as_of(add_days('days.order_date', 365)) }},
        0,
        0,
        -days.orders_count,
        -days.net_amount,
        null,
        null
    from customer_days as days
    cross join run_dates
    where {{ add_days('days.order_date', 365) }} <= run_dates.as_of_date

    union all

    select
        days.customer_id,
        {{ first_as_of('days.order_date') }},
        0,
        0,
        0,
        0,
        days.order_date,
        days.previous_order_date
    from {{ ref('int_purchase_days') }} as days
    cross join run_dates

)

select
    customer_id,
    as_of_date,
    cast(sum(orders_count) as bigint) as orders_count,
    {{ money('sum(net_amount)') }} as net_amount,
    cast(sum(orders_count_365d) as bigint) as orders_count_365d,
    {{ money('sum(net_amount_365d)') }} as net_amount_365d,
    max(order_date) as last_order_date,
    max(previous_order_date) as previous_order_date
from movements
group by customer_id, as_of_date

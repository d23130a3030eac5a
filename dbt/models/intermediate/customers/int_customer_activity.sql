{#
  One row per customer and as_of_date since the customer is known: totals so far and in the trailing 365 days, the
  last two purchase days, and whether the customer is active. Both days only move forward, so a running maximum
  carries them over months without an order.
#}
{%- set horizon = var('churn_horizon_days') -%}
with as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

movements as (

    select * from {{ ref('int_customer_movements') }}

),

dates as (

    select customers.customer_id, dates.as_of_date
    from {{ ref('int_customers') }} as customers
    inner join as_of_dates as dates
        on customers.known_since <= dates.as_of_date

),

totals as (

    select
        dates.customer_id,
        dates.as_of_date,
        sum(movements.orders_count) over history as orders_count,
        sum(movements.net_amount) over history as net_amount,
        sum(movements.orders_count_365d) over history as orders_count_365d,
        sum(movements.net_amount_365d) over history as net_amount_365d,
        max(movements.last_order_date) over history as last_order_date,
        max(movements.previous_order_date) over history as previous_order_date,
        max(movements.last_order_date) over (
            partition by dates.customer_id
            order by dates.as_of_date
            rows between unbounded preceding and 1 preceding
        ) as last_order_date_before
    from dates
    left join movements
        on dates.customer_id = movements.customer_id and dates.as_of_date = movements.as_of_date
    window history as (partition by dates.customer_id order by dates.as_of_date)

),

dated as (

    select
        customer_id,
        as_of_date,
        cast(coalesce(orders_count, 0) as bigint) as orders_count,
        {{ money('coalesce(net_amount, 0)') }} as net_amount,
        cast(coalesce(orders_count_365d, 0) as bigint) as orders_count_365d,
        {{ money('coalesce(net_amount_365d, 0)') }} as net_amount_365d,
        last_order_date,
        {{ days_between('as_of_date', 'last_order_date') }} as recency_days,
        {{ days_between('last_order_date', 'previous_order_date') }} as last_gap_days,
        last_order_date_before
    from totals

)

select
    *,
    case
        when recency_days < {{ horizon }} and last_gap_days >= {{ horizon }} then 'reactivated'
        when recency_days < {{ horizon }} then 'active'
        when recency_days < 2 * {{ horizon }} then 'at_risk'
        when recency_days is not null then 'lapsed'
    end as activity_status,
    recency_days < {{ horizon }} as is_active
from dated

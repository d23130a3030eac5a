{#
  One row per customer and day on which trailing 365-day net sales (or the rules) change, until the next such day, for
  customers who ever reach more than the lowest tier. What enters on a day leaves 365 days later.
#}
with rules as (

    select * from {{ ref('int_tier_rules') }}

),

customer_days as (

    select customer_id, order_date, net_amount from {{ ref('int_customer_daily') }}
    where order_date <= (select as_of_date from {{ ref('int_run_dates') }})

),

-- a threshold that all sales together do not reach, no 365 days of them do
eligible as (

    select customer_id
    from customer_days
    group by customer_id
    having sum(greatest(net_amount, 0)) >= (select min(threshold_amount) from rules where tier_rank > 1)

),

movements as (

    select customer_id, order_date as metric_date, net_amount
    from customer_days

    union all

    select customer_id, {{ add_days('order_date', 365) }}, -net_amount
    from customer_days

    union all

    select eligible.customer_id, versions.valid_from, 0
    from eligible
    cross join (select distinct valid_from from rules) as versions
    where versions.valid_from > (select data_from from {{ ref('int_run_dates') }})

),

daily as (

    select movements.customer_id, movements.metric_date, {{ money('sum(movements.net_amount)') }} as net_amount
    from movements
    inner join eligible on movements.customer_id = eligible.customer_id
    where movements.metric_date <= (select as_of_date from {{ ref('int_run_dates') }})
    group by movements.customer_id, movements.metric_date

),

running as (

    select
        customer_id,
        metric_date,
        coalesce(lead(metric_date) over history, {{ date_or_null('9999-12-31') }}) as next_metric_date,
        {{ money('sum(net_amount) over history') }} as metric_amount
    from daily
    window history as (partition by customer_id order by metric_date)

),

reached as (

    select running.*, rules.tier_rank as reached_rank
    from running
    inner join rules
        on running.metric_date >= rules.valid_from
        and running.metric_date < rules.valid_to
        and running.metric_amount >= rules.reached_from
        and running.metric_amount < rules.reached_below

),

compared as (

    select
        *,
        coalesce(lag(reached_rank) over (partition by customer_id order by metric_date), 1) as previous_reached_rank,
        max(reached_rank) over (partition by customer_id) as highest_rank
    from reached

)

select
    customer_id,
    metric_date,
    next_metric_date,
    metric_amount,
    reached_rank,
    previous_reached_rank
from compared
where highest_rank > 1

{#
  Trailing 365-day net sales of customers who ever reach more than the lowest tier, from each day on which they (or the
  rules) change until the next such day. What enters on a day leaves 365 days later.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

rules as (

    select * from {{ ref('int_tier_rules') }}

),

customer_daily as {{ computed_anew() }} (

    select * from {{ ref('int_customer_daily') }}

),

-- a threshold that all sales together do not reach, no 365 days of them do
eligible as (

    select customer_id
    from customer_daily
    group by customer_id
    having sum(greatest(net_amount, 0)) >= (select min(threshold_amount) from rules where tier_rank > 1)

),

rule_changes as (

    select distinct valid_from from rules
    where valid_from > (select data_from from run_dates)

),

movements as (

    select customer_id, order_date as metric_date, net_amount from customer_daily
    union all
    select customer_id, {{ add_days('order_date', 365) }}, -net_amount from customer_daily
    union all
    select eligible.customer_id, rule_changes.valid_from, 0
    from eligible
    cross join rule_changes

),

daily as (

    select movements.customer_id, movements.metric_date, {{ money('sum(movements.net_amount)') }} as net_amount
    from movements
    inner join eligible on movements.customer_id = eligible.customer_id
    inner join run_dates on movements.metric_date <= run_dates.as_of_date
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

select customer_id, metric_date, next_metric_date, metric_amount, reached_rank, previous_reached_rank
from compared
where highest_rank > 1

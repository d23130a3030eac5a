{#
  The days on which an upgrade can happen, to the tier that the day's metric reaches, each with the day that reverses it:
  the first one by which linked returns inside their return window have taken the upgrade day's metric
  below the threshold. A customer can move up on a day that lifts the metric into a higher tier, and, when a return
  reverses an earlier upgrade, on the day of that return.
#}
{%- set return_window_days = setting('points', 'return_window_days') -%}
with metrics as (

    select * from {{ ref('int_tier_metrics') }}

),

rules as (

    select * from {{ ref('int_tier_rules') }}

),

returns as (

    select * from {{ ref('int_linked_returns') }}
    where return_date <= {{ add_days('order_date', return_window_days) }}

),

days as (

    select customer_id, metric_date as upgrade_date from metrics where reached_rank > previous_reached_rank
    union
    select customer_id, return_date from returns

),

candidates as (

    select
        days.customer_id,
        days.upgrade_date,
        metrics.reached_rank,
        metrics.metric_amount,
        rules.threshold_amount,
        last_day({{ add_months('days.upgrade_date', 'rules.validity_months') }}) as expires_on,
        rules.grace_days
    from days
    inner join metrics
        on days.customer_id = metrics.customer_id
        and days.upgrade_date >= metrics.metric_date
        and days.upgrade_date < metrics.next_metric_date
    inner join rules
        on metrics.reached_rank = rules.tier_rank
        and days.upgrade_date >= rules.valid_from
        and days.upgrade_date < rules.valid_to
    where metrics.reached_rank > 1

),

taken_back as (

    select
        candidates.customer_id,
        candidates.upgrade_date,
        returns.return_date,
        candidates.metric_amount + sum(returns.return_amount) over (
            partition by candidates.customer_id, candidates.upgrade_date
            order by returns.return_date
        ) < candidates.threshold_amount as is_below
    from candidates
    inner join returns
        on candidates.customer_id = returns.customer_id
        and returns.order_date > {{ add_days('candidates.upgrade_date', -365) }}
        and returns.order_date <= candidates.upgrade_date
        and returns.return_date > candidates.upgrade_date

),

reversals as (

    select customer_id, upgrade_date, min(return_date) as reversed_on
    from taken_back
    where is_below
    group by customer_id, upgrade_date

)

select
    candidates.customer_id,
    candidates.upgrade_date,
    candidates.reached_rank,
    candidates.expires_on,
    {{ add_days('candidates.expires_on', 'candidates.grace_days') }} as check_on,
    reversals.reversed_on
from candidates
left join reversals
    on candidates.customer_id = reversals.customer_id and candidates.upgrade_date = reversals.upgrade_date

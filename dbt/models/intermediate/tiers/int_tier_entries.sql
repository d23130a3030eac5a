-- For who holds a rank after `after_date`, the next day that lifts the metric above it.
with metrics as (

    select * from {{ ref('int_tier_metrics') }}

),

rules as (

    select * from {{ ref('int_tier_rules') }}

),

ranks as (

    select distinct tier_rank from rules

)

select
    metrics.customer_id,
    ranks.tier_rank as held_rank,
    metrics.metric_date as entered_on,
    lag(metrics.metric_date, 1, {{ date_or_null('0001-01-01') }}) over (
        partition by metrics.customer_id, ranks.tier_rank
        order by metrics.metric_date
    ) as after_date
from metrics
inner join ranks
    on metrics.previous_reached_rank <= ranks.tier_rank and metrics.reached_rank > ranks.tier_rank

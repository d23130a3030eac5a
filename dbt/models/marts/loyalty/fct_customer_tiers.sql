with tiers as (

    select * from {{ ref('int_customer_tiers') }}

),

next_tiers as (

    select * from {{ ref('int_next_tiers') }}

)

select
    tiers.customer_id,
    tiers.valid_from,
    tiers.valid_to,
    tiers.tier,
    tiers.tier_rank,
    tiers.expires_on,
    tiers.previous_tier,
    tiers.reason,
    tiers.metric_amount,
    {{ add_days('tiers.valid_from', -364) }} as metric_from_date,
    -- not a condition of the join: DuckDB would compare every tier with every customer
    case when tiers.is_current then next_tiers.amount_to_next_tier end as amount_to_next_tier,
    case when tiers.is_current then next_tiers.points_to_next_tier end as points_to_next_tier,
    tiers.rule_version,
    tiers.is_yo_yo,
    tiers.is_current
from tiers
left join next_tiers on tiers.customer_id = next_tiers.customer_id

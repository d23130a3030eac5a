{#
  The rewards that each customer may have, as of the day before the planned month. Who is in the permanent holdout may
  have none.
#}
with plan_dates as (

    select * from {{ ref('int_reward_plan_dates') }}

),

tiers as (

    select * from {{ ref('int_customer_tiers') }}

),

features as (

    select * from {{ ref('int_churn_features') }}
    where snapshot_date = (select snapshot_date from plan_dates)

),

holdout as (

    select * from {{ ref('int_permanent_holdout') }}

),

rules as (

    select * from {{ ref('int_reward_rules') }}

),

tiers_held as (

    select tiers.customer_id, tiers.tier, tiers.tier_rank
    from tiers
    inner join plan_dates
        on tiers.valid_from <= plan_dates.snapshot_date
        and (tiers.valid_to > plan_dates.snapshot_date or tiers.valid_to is null)

),

customers as (

    select
        features.*,
        tiers_held.tier,
        coalesce(tiers_held.tier_rank, 1) as tier_rank
    from features
    left join tiers_held on features.customer_id = tiers_held.customer_id
    where features.customer_id not in (select customer_id from holdout)

)

select
    plan_dates.plan_month,
    customers.customer_id,
    rules.reward_id,
    rules.reward_name,
    rules.campaign_type,
    rules.trial_campaign_id,
    rules.trial_campaign_name,
    rules.cost_amount,
    rules.is_cost_assumed,
    customers.tier,
    customers.is_active,
    customers.net_amount_per_order * {{ setting('assumed', 'margin_rate') }} as margin_per_order
    {%- for feature in reward_features() %},
    cast(customers.{{ feature }} as double) as {{ feature }}
    {%- endfor %}
from customers
cross join plan_dates
inner join rules
    on rules.minimum_tier_rank <= customers.tier_rank
    and (rules.audience = 'any' or rules.audience = case when customers.is_active then 'active' else 'at_risk' end)

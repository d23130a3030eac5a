{#
  One row per customer and reward that the customer may have, as of the day before the planned month. Who is in the
  permanent holdout may have none.
#}
with plan_dates as (

    select * from {{ ref('int_reward_plan_dates') }}

),

tiers as (

    select customer_id, tier, tier_rank
    from {{ ref('fct_customer_tiers') }}
    where valid_from <= (select snapshot_date from plan_dates)
        and (valid_to > (select snapshot_date from plan_dates) or valid_to is null)

),

customers as (

    select
        features.*,
        tiers.tier,
        coalesce(tiers.tier_rank, 1) as tier_rank
    from {{ ref('int_churn_features') }} as features
    left join tiers on features.customer_id = tiers.customer_id
    where features.snapshot_date = (select snapshot_date from plan_dates)
        and features.customer_id not in (select customer_id from {{ ref('int_permanent_holdout') }})

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
inner join {{ ref('int_reward_rules') }} as rules
    on rules.minimum_tier_rank <= customers.tier_rank
    and (rules.audience = 'any' or rules.audience = case when customers.is_active then 'active' else 'at_risk' end)

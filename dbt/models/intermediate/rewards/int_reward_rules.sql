-- The rewards that this company offers: its own where the seed has any, else those for any company. With the last
-- randomized campaign of its type that was over when the plan is made, and what that cost per customer treated.
with all_rewards as (

    select * from {{ ref('rewards') }}

),

campaigns as (

    select * from {{ ref('int_campaigns') }}

),

costs as (

    select * from {{ ref('int_campaign_costs') }}

),

plan_dates as (

    select * from {{ ref('int_reward_plan_dates') }}

),

rewards as (

    select * from all_rewards
    where company = coalesce(
        (select min(own.company) from all_rewards as own where own.company = {{ text_literal(var('company', '')) }}), 'any'
    )

),

trials as (

    select
        *,
        row_number() over (partition by campaign_type order by end_date desc, campaign_id asc) as newest
    from campaigns
    where is_randomized and has_full_window and treated_count > 0 and is_assignment_broken is not true
        and end_date <= (select snapshot_date from plan_dates)

)

select
    rewards.reward_id,
    rewards.reward_name,
    -- a seed's empty cell is NULL in DuckDB and a text in Spark
    coalesce(nullif(rewards.campaign_type, ''), rewards.reward_id) as campaign_type,
    rewards.minimum_tier_rank,
    rewards.audience,
    trials.campaign_id as trial_campaign_id,
    trials.campaign_name as trial_campaign_name,
    coalesce({{ money('costs.cost_amount / trials.treated_count') }}, rewards.cost_amount) as cost_amount,
    trials.campaign_id is null as is_cost_assumed
from rewards
left join trials on rewards.campaign_type = trials.campaign_type and trials.newest = 1
left join costs on trials.campaign_id = costs.campaign_id

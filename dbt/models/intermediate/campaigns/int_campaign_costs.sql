-- The discount of a coupon lowers the price and so is in the margin already; a redemption costs extra only where the
-- source says what.
with campaigns as (

    select * from {{ ref('int_campaigns') }}

),

redemptions as (

    select * from {{ ref('int_redemptions') }}

),

programme_costs as (

    select * from {{ ref('int_programme_costs') }}

),

rewarded as (

    select campaign_id, count(*) filter (where is_take_back is not true) as redemptions_count, {{ money('sum(coalesce(cost_amount, 0))') }} as reward_cost_amount
    from redemptions
    where campaign_id is not null
    group by campaign_id

),

spent as (

    select campaign_id, {{ money('sum(amount)') }} as other_cost_amount
    from programme_costs
    where campaign_id is not null
    group by campaign_id

),

costs as (

    select
        campaigns.campaign_id,
        coalesce(rewarded.redemptions_count, 0) as redemptions_count,
        -- who is in both arms was contacted in one of them
        {{ money('campaigns.contact_cost_amount * (campaigns.treated_count + campaigns.both_arms_count)') }}
            as contact_cost_amount,
        coalesce(campaigns.fixed_cost_amount, 0) + coalesce(spent.other_cost_amount, 0) as fixed_cost_amount,
        coalesce(rewarded.reward_cost_amount, 0) as reward_cost_amount,
        campaigns.is_contact_cost_assumed as is_cost_assumed
    from campaigns
    left join rewarded on campaigns.campaign_id = rewarded.campaign_id
    left join spent on campaigns.campaign_id = spent.campaign_id

)

select *, contact_cost_amount + fixed_cost_amount + reward_cost_amount as cost_amount
from costs

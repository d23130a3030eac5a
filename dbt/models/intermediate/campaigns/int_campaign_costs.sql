-- One row per campaign: what it cost by kind up to as_of_date. The discount of a coupon lowers the price and so is in
-- the margin already; a redemption costs extra only where the source says what.
with campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

redemptions as (

    select campaign_id, count(*) as redemptions_count, {{ money('sum(coalesce(cost_amount, 0))') }} as reward_cost_amount
    from {{ ref('int_redemptions') }}
    where campaign_id is not null
    group by campaign_id

),

programme_costs as (

    select campaign_id, {{ money('sum(amount)') }} as other_cost_amount
    from {{ accepted(ref('int_programme_cost_versions')) }}
    where campaign_id is not null and cost_date <= (select as_of_date from {{ ref('int_run_dates') }})
    group by campaign_id

)

select
    campaigns.campaign_id,
    coalesce(redemptions.redemptions_count, 0) as redemptions_count,
    {{ money('campaigns.contact_cost_amount * campaigns.treated_count') }} as contact_cost_amount,
    coalesce(campaigns.fixed_cost_amount, 0) + coalesce(programme_costs.other_cost_amount, 0) as fixed_cost_amount,
    coalesce(redemptions.reward_cost_amount, 0) as reward_cost_amount,
    {{ money('campaigns.contact_cost_amount * campaigns.treated_count') }}
        + coalesce(campaigns.fixed_cost_amount, 0) + coalesce(programme_costs.other_cost_amount, 0)
        + coalesce(redemptions.reward_cost_amount, 0) as cost_amount,
    campaigns.is_contact_cost_assumed as is_cost_assumed
from campaigns
left join redemptions on campaigns.campaign_id = redemptions.campaign_id
left join programme_costs on campaigns.campaign_id = programme_costs.campaign_id

-- Costs and effects of the campaigns, each spread over the days of its window.
with months as (

    select * from {{ ref('int_campaign_months') }}

),

costs as (

    select * from {{ ref('int_campaign_costs') }}

),

results as (

    select * from {{ ref('int_campaign_results') }}
    where metric = 'margin_amount'

),

campaign_months as (

    select
        months.month,
        costs.contact_cost_amount * months.share_of_window as contact_cost,
        costs.fixed_cost_amount * months.share_of_window as fixed_cost,
        costs.reward_cost_amount * months.share_of_window as reward_cost,
        results.incremental_margin_amount * months.share_of_window as incremental_margin,
        (results.effect_high - results.effect_low) / 2 * results.treated_count * months.share_of_window as half_width,
        results.incremental_margin_amount is not null as is_estimated
    from months
    inner join costs on months.campaign_id = costs.campaign_id
    left join results on months.campaign_id = results.campaign_id

)

select
    month,
    count(*) as campaigns_count,
    count(*) filter (where is_estimated) as estimated_campaigns_count,
    {{ money('sum(contact_cost)') }} as contact_cost_amount,
    {{ money('sum(fixed_cost)') }} as fixed_cost_amount,
    {{ money('sum(reward_cost)') }} as reward_cost_amount,
    {{ money('sum(incremental_margin)') }} as incremental_margin_amount,
    {{ money('sqrt(sum(half_width * half_width) filter (where is_estimated))') }} as half_width_amount
from campaign_months
group by month

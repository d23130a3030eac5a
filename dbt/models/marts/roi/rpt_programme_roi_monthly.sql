-- A month has a return on investment only where every campaign of it has a causal estimate.
with points_liability as (

    select * from {{ ref('rpt_points_liability') }}

),

sales_monthly as (

    select * from {{ ref('int_sales_monthly') }}

),

campaign_totals_monthly as (

    select * from {{ ref('int_campaign_totals_monthly') }}

),

attributed as (

    select
        {{ month_of('order_date') }} as month,
        {{ money('sum(net_amount)') }} as attributed_amount,
        {{ money('sum(margin_amount)') }} as attributed_margin_amount
    from {{ ref('int_campaign_lines') }}
    group by 1

),

campaigns as (

    select * from {{ ref('int_campaigns') }}

),

-- what names no campaign, or one that nobody delivered, is the programme's
platform as (

    select {{ month_of('cost_date') }} as month, {{ money('sum(amount)') }} as platform_cost_amount
    from {{ ref('int_programme_costs') }}
    where campaign_id is null or campaign_id not in (select campaign_id from campaigns)
    group by 1

),

rewards as (

    select {{ month_of('redemption_date') }} as month, {{ money('sum(cost_amount)') }} as reward_cost_amount
    from {{ ref('int_redemptions') }}
    where campaign_id is null or campaign_id not in (select campaign_id from campaigns)
    group by 1

),

points as (

    select
        month,
        liability_change_amount,
        {{ money('liability_change_amount + redeemed_points * point_value_amount') }} as points_cost_amount
    from points_liability

),

combined as (

    select
        sales.*,
        points.liability_change_amount,
        points.points_cost_amount,
        coalesce(totals.campaigns_count, 0) as campaigns_count,
        coalesce(totals.estimated_campaigns_count, 0) as estimated_campaigns_count,
        coalesce(totals.contact_cost_amount, 0) as contact_cost_amount,
        coalesce(totals.fixed_cost_amount, 0) as fixed_cost_amount,
        {{ money('coalesce(totals.reward_cost_amount, 0) + coalesce(rewards.reward_cost_amount, 0)') }} as reward_cost_amount,
        coalesce(platform.platform_cost_amount, 0) as platform_cost_amount,
        coalesce(attributed.attributed_amount, 0) as attributed_amount,
        coalesce(attributed.attributed_margin_amount, 0) as attributed_margin_amount,
        totals.estimated_campaigns_count = totals.campaigns_count as is_estimated,
        totals.incremental_margin_amount,
        totals.half_width_amount,
        {{ money('coalesce(totals.contact_cost_amount, 0) + coalesce(totals.fixed_cost_amount, 0)'
            ~ ' + coalesce(totals.reward_cost_amount, 0) + coalesce(rewards.reward_cost_amount, 0)'
            ~ ' + coalesce(platform.platform_cost_amount, 0)') }} as cost_amount
    from sales_monthly as sales
    left join campaign_totals_monthly as totals on sales.month = totals.month
    left join rewards on sales.month = rewards.month
    left join attributed on sales.month = attributed.month
    left join platform on sales.month = platform.month
    left join points on sales.month = points.month

)

select
    month,
    revenue_amount,
    identified_revenue_amount,
    {{ rate('identified_revenue_amount', 'revenue_amount') }} as coverage_rate,
    discount_amount,
    contact_cost_amount,
    fixed_cost_amount,
    reward_cost_amount,
    platform_cost_amount,
    cost_amount,
    points_cost_amount,
    liability_change_amount,
    attributed_amount,
    attributed_margin_amount,
    incremental_margin_amount,
    campaigns_count,
    estimated_campaigns_count,
    {{ roi_gross('attributed_amount', 'cost_amount') }} as roi_gross,
    {{ roi_net('attributed_amount', 'cost_amount') }} as roi_net,
    {{ roi_net('attributed_margin_amount', 'cost_amount') }} as roi_attributed,
    case when is_estimated then {{ roi_net('incremental_margin_amount', 'cost_amount') }} end as roi_incremental,
    case when is_estimated then {{ roi_net('(incremental_margin_amount - half_width_amount)', 'cost_amount') }} end as roi_low,
    case when is_estimated then {{ roi_net('(incremental_margin_amount + half_width_amount)', 'cost_amount') }} end as roi_high,
    case
        when cost_amount <= 0 then 'no_cost'
        when campaigns_count = 0 then 'no_campaign'
        when is_estimated then 'ok'
        when estimated_campaigns_count > 0 then 'partly_estimated'
        else 'cannot_be_estimated'
    end as status
from combined

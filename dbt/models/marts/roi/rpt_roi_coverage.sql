-- Every accepted row of cost, redemption and coupon sale stands in a month, or on days outside the months of the data.
with campaigns as (

    select * from {{ ref('int_campaigns') }}

),

campaign_costs as (

    select * from {{ ref('int_campaign_costs') }}

),

campaign_months as (

    select * from {{ ref('int_campaign_months') }}

),

programme_costs as (

    select * from {{ ref('int_programme_costs') }}

),

redemptions as (

    select * from {{ ref('int_redemptions') }}

),

campaign_lines as (

    select * from {{ ref('int_campaign_lines') }}

),

programme_roi as (

    select * from {{ ref('rpt_programme_roi_monthly') }}

),

bounds as (

    select min(month) as first_month
    from programme_roi

),

shares as (

    select campaign_id, sum(share_of_window) as share_in_months
    from campaign_months
    group by campaign_id

),

windows as (

    select
        campaigns.campaign_id,
        coalesce(shares.share_in_months, 0) as share_in_months,
        cast(least(
            greatest({{ days_between('bounds.first_month', 'campaigns.start_date') }}, 0),
            {{ days_between('campaigns.end_date', 'campaigns.start_date') }} + 1
        ) as double) / ({{ days_between('campaigns.end_date', 'campaigns.start_date') }} + 1) as share_before
    from campaigns
    cross join bounds
    left join shares on campaigns.campaign_id = shares.campaign_id

),

spread as (

    select
        windows.share_before,
        1 - windows.share_in_months - windows.share_before as share_after,
        campaign_costs.contact_cost_amount,
        campaign_costs.fixed_cost_amount,
        campaign_costs.reward_cost_amount
    from windows
    inner join campaign_costs on windows.campaign_id = campaign_costs.campaign_id

),

accepted as (

    select 'contact_costs' as input, sum(contact_cost_amount) as amount from campaign_costs
    union all
    select 'programme_costs', coalesce((select sum(fixed_cost_amount) from campaigns), 0) + coalesce(sum(amount), 0)
    from programme_costs
    union all
    select 'reward_costs', sum(cost_amount) from redemptions
    union all
    select 'coupon_sales', sum(net_amount) from campaign_lines

),

in_months as (

    select 'contact_costs' as input, sum(contact_cost_amount) as amount from programme_roi
    union all
    select 'programme_costs', sum(fixed_cost_amount + platform_cost_amount) from programme_roi
    union all
    select 'reward_costs', sum(reward_cost_amount) from programme_roi
    union all
    select 'coupon_sales', sum(attributed_amount) from programme_roi

),

outside as (

    select 'contact_costs' as input, contact_cost_amount * share_before as before_amount, contact_cost_amount * share_after as after_amount
    from spread
    union all
    select 'programme_costs', fixed_cost_amount * share_before, fixed_cost_amount * share_after from spread
    union all
    select 'reward_costs', reward_cost_amount * share_before, reward_cost_amount * share_after from spread
    union all
    select 'programme_costs', amount, 0
    from programme_costs
    where
        (campaign_id is null or campaign_id not in (select campaign_id from campaigns))
        and cost_date < (select first_month from bounds)
    union all
    select 'reward_costs', cost_amount, 0
    from redemptions
    where
        (campaign_id is null or campaign_id not in (select campaign_id from campaigns))
        and redemption_date < (select first_month from bounds)

),

summed as (

    select input, sum(before_amount) as before_amount, sum(after_amount) as after_amount
    from outside
    group by input

),

compared as (

    select
        accepted.input,
        {{ money('coalesce(accepted.amount, 0)') }} as accepted_amount,
        {{ money('coalesce(in_months.amount, 0)') }} as in_months_amount,
        {{ money('coalesce(summed.before_amount, 0)') }} as before_data_amount,
        {{ money('coalesce(summed.after_amount, 0)') }} as after_data_amount
    from accepted
    inner join in_months on accepted.input = in_months.input
    left join summed on accepted.input = summed.input

)

select
    *,
    {{ money('accepted_amount - in_months_amount - before_data_amount - after_data_amount') }} as difference_amount
from compared

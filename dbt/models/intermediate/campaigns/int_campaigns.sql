with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

campaigns as (

    select * from {{ accepted(ref('int_campaign_versions')) }}
    where start_date <= (select as_of_date from run_dates)

),

members as (

    select * from {{ ref('int_campaign_members') }}

),

counted as (

    select
        campaign_id,
        count(*) filter (where not is_control and not is_in_both_arms) as treated_count,
        count(*) filter (where is_control and not is_in_both_arms) as control_count,
        count(*) filter (where is_in_both_arms) as both_arms_count,
        count(*) as members_count
    from members
    group by campaign_id

)

select
    campaigns.campaign_id,
    coalesce(campaigns.campaign_name, campaigns.campaign_id) as campaign_name,
    campaigns.campaign_type,
    campaigns.start_date,
    campaigns.end_date,
    coalesce(campaigns.is_randomized, false) as is_randomized,
    -- who meant to treat everybody or nobody planned no comparison
    case when campaigns.planned_treatment_share > 0 and campaigns.planned_treatment_share < 1 then campaigns.planned_treatment_share end
        as planned_treatment_share,
    coalesce(counted.treated_count, 0) as treated_count,
    coalesce(counted.control_count, 0) as control_count,
    coalesce(counted.both_arms_count, 0) as both_arms_count,
    coalesce(counted.both_arms_count > 0.01 * counted.members_count, false) as is_assignment_broken,
    campaigns.fixed_cost_amount,
    coalesce(campaigns.contact_cost_amount, {{ money(var('assumed').get('contact_cost_amount', 0)) }}) as contact_cost_amount,
    campaigns.contact_cost_amount is null as is_contact_cost_assumed,
    -- an order of the window may come back until its own return window has closed
    {{ add_days('campaigns.end_date', setting('points', 'return_window_days')) }} <= run_dates.data_through as is_final,
    campaigns.end_date <= run_dates.data_through and campaigns.start_date >= run_dates.data_from as has_full_window
from campaigns
cross join run_dates
left join counted on campaigns.campaign_id = counted.campaign_id

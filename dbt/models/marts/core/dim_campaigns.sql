with campaigns as (

    select * from {{ accepted(ref('int_campaign_versions')) }}
    where start_date <= (select as_of_date from {{ ref('int_run_dates') }})

),

members as (

    select
        campaign_id,
        count(*) filter (where arm = 'treatment') as treated_count,
        count(*) filter (where arm = 'control') as control_count
    from {{ accepted(ref('int_campaign_member_versions')) }}
    where assigned_at is null or {{ business_date('assigned_at') }} <= (select as_of_date from {{ ref('int_run_dates') }})
    group by campaign_id

)

select
    campaigns.campaign_id,
    coalesce(campaigns.campaign_name, campaigns.campaign_id) as campaign_name,
    campaigns.campaign_type,
    campaigns.start_date,
    campaigns.end_date,
    coalesce(campaigns.is_randomized, false) as is_randomized,
    coalesce(members.treated_count, 0) as treated_count,
    coalesce(members.control_count, 0) as control_count,
    campaigns.fixed_cost_amount,
    coalesce(campaigns.contact_cost_amount, {{ money(var('assumed').get('contact_cost_amount', 0)) }}) as contact_cost_amount,
    campaigns.contact_cost_amount is null as is_contact_cost_assumed,
    campaigns.end_date <= (select data_through from {{ ref('int_run_dates') }})
        and campaigns.start_date >= (select data_from from {{ ref('int_run_dates') }}) as has_full_window
from campaigns
left join members on campaigns.campaign_id = members.campaign_id

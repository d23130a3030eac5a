-- A member is one from the assignment on, else from the campaign's start.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

members as (

    select * from {{ accepted(ref('int_campaign_member_versions')) }}

),

campaigns as (

    select * from {{ accepted(ref('int_campaign_versions')) }}

),

dated as (

    select
        members.campaign_id,
        members.customer_id,
        members.arm,
        coalesce({{ business_date('members.assigned_at') }}, campaigns.start_date) as member_since
    from members
    left join campaigns on members.campaign_id = campaigns.campaign_id

)

select * from dated
where member_since <= (select as_of_date from run_dates)

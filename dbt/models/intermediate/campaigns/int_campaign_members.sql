{#
  A member is one from the assignment on, else from the campaign's start. An assignment never changes: who was delivered in
  one arm and then in another is in both, which of its arms they may be.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

members as (

    select * from {{ resolved(ref('int_campaign_member_versions')) }}
    where row_status <> 'rejected'

),

campaigns as (

    select * from {{ accepted(ref('int_campaign_versions')) }}

),

planned_arms as (

    select * from {{ ref('int_planned_arms') }}

),

dated as (

    select
        members.campaign_id,
        members.customer_id,
        members.arm,
        members.row_status = 'accepted' as is_accepted,
        coalesce({{ business_date('members.assigned_at') }}, campaigns.start_date) as member_since
    from members
    left join campaigns on members.campaign_id = campaigns.campaign_id

),

assigned as (

    select
        campaign_id,
        customer_id,
        max_by(arm, is_accepted) as arm,
        min(member_since) as member_since,
        count(distinct arm) > 1 as is_in_both_arms,
        bool_or(is_accepted) as is_accepted
    from dated
    where member_since <= (select as_of_date from run_dates)
    group by campaign_id, customer_id

)

select
    assigned.campaign_id,
    assigned.customer_id,
    assigned.arm,
    coalesce(planned_arms.is_control, assigned.arm = 'control') as is_control,
    assigned.member_since,
    assigned.is_in_both_arms
from assigned
left join planned_arms on assigned.campaign_id = planned_arms.campaign_id and assigned.arm = planned_arms.arm
where assigned.is_accepted

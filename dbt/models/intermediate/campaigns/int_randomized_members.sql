{#
  Who was assigned in a randomized campaign, with the campaign's window and the day before which a value is one of before:
  what customers do between assignment and start may be an effect already. Customers in two arms are in none. The planned
  share is that of all treatments together; who planned no comparison has an even one.
#}
with campaigns as (

    select * from {{ ref('int_campaigns') }}
    where is_randomized

),

campaign_members as (

    select * from {{ ref('int_campaign_members') }}
    where not is_in_both_arms

),

campaign_arms as (

    select * from {{ ref('int_campaign_arms') }}

),

treatments as (

    select campaign_id, sum(planned_share) filter (where not is_control) as treatment_share
    from campaign_arms
    group by campaign_id

)

select
    campaigns.campaign_id,
    campaigns.start_date,
    campaigns.end_date,
    campaign_members.member_since,
    least(campaign_members.member_since, campaigns.start_date) as before_date,
    {{ days_between('campaigns.end_date', 'campaigns.start_date') }} + 1 as window_days,
    case when treatments.treatment_share > 0 and treatments.treatment_share < 1 then treatments.treatment_share
        else cast(0.5 as double) end
        as planned_share,
    campaign_members.customer_id,
    campaign_members.arm,
    campaign_members.is_control
from campaigns
inner join campaign_members on campaigns.campaign_id = campaign_members.campaign_id
left join treatments on campaigns.campaign_id = treatments.campaign_id

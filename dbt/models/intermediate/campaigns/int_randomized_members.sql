{#
  Who was assigned in a randomized campaign, with the campaign's window and the day before which a value is one of before:
  what customers do between assignment and start may be an effect already. Customers in both arms are in neither.
#}
with campaigns as (

    select * from {{ ref('int_campaigns') }}
    where is_randomized

),

campaign_members as (

    select * from {{ ref('int_campaign_members') }}
    where not is_in_both_arms

),

experiments as (

    select * from {{ ref('stg_ops__experiments') }}

)

select
    campaigns.campaign_id,
    campaigns.start_date,
    campaigns.end_date,
    least(campaign_members.member_since, campaigns.start_date) as before_date,
    {{ days_between('campaigns.end_date', 'campaigns.start_date') }} + 1 as window_days,
    coalesce(experiments.treatment_share, campaigns.planned_treatment_share, 0.5) as planned_share,
    campaign_members.customer_id,
    campaign_members.arm
from campaigns
inner join campaign_members on campaigns.campaign_id = campaign_members.campaign_id
left join experiments on campaigns.campaign_id = experiments.campaign_id

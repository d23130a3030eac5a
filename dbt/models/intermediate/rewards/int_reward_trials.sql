-- The customers assigned by the campaigns that a reward was tried in: their margin over the window, and what was known of
-- them before it.
with campaigns as (

    select * from {{ ref('int_campaigns') }}

),

rules as (

    select * from {{ ref('int_reward_rules') }}

),

snapshots as (

    select * from {{ ref('int_churn_snapshots') }}

),

features as (

    select * from {{ ref('int_churn_features') }}

),

outcomes as (

    select * from {{ ref('int_campaign_outcomes') }}
    where metric = 'margin_amount'

),

trials as (

    select campaigns.campaign_id, max(snapshots.snapshot_date) as snapshot_date
    from campaigns
    left join snapshots on campaigns.start_date > snapshots.snapshot_date
    where campaigns.campaign_id in (select trial_campaign_id from rules)
    group by campaigns.campaign_id

)

select
    outcomes.campaign_id,
    outcomes.customer_id,
    case when outcomes.is_control then 'control' else 'treatment' end as arm,
    outcomes.value,
    outcomes.pre_value,
    outcomes.planned_share
    {%- for feature in reward_features() %},
    cast(features.{{ feature }} as double) as {{ feature }}
    {%- endfor %}
from outcomes
inner join trials on outcomes.campaign_id = trials.campaign_id
left join features
    on outcomes.customer_id = features.customer_id and trials.snapshot_date = features.snapshot_date

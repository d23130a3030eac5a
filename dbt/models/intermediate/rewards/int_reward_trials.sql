-- One row per campaign that a reward was tried in and customer it assigned: the margin over its window, and what was known
-- of the customer before it.
with trials as (

    select
        campaign_id,
        (select max(snapshot_date) from {{ ref('int_churn_snapshots') }} where snapshot_date < start_date) as snapshot_date
    from {{ ref('dim_campaigns') }}
    where campaign_id in (select trial_campaign_id from {{ ref('int_reward_rules') }})

)

select
    outcomes.campaign_id,
    outcomes.customer_id,
    outcomes.arm,
    outcomes.value,
    outcomes.pre_value,
    outcomes.planned_share
    {%- for feature in reward_features() %},
    cast(features.{{ feature }} as double) as {{ feature }}
    {%- endfor %}
from {{ ref('int_campaign_outcomes') }} as outcomes
inner join trials on outcomes.campaign_id = trials.campaign_id
left join {{ ref('int_churn_features') }} as features
    on outcomes.customer_id = features.customer_id and trials.snapshot_date = features.snapshot_date
where outcomes.metric = 'margin_amount'

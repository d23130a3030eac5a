-- A campaign that names no arms has two: treatment and control.
with campaigns as (

    select * from {{ ref('int_campaigns') }}

),

planned_arms as (

    select * from {{ ref('int_planned_arms') }}

),

experiments as (

    select * from {{ ref('stg_ops__experiments') }}

),

of_two as (

    select
        campaigns.campaign_id,
        coalesce(experiments.treatment_share, campaigns.planned_treatment_share, cast(0.5 as double)) as treatment_share
    from campaigns
    left join experiments on campaigns.campaign_id = experiments.campaign_id
    where campaigns.campaign_id not in (select campaign_id from planned_arms)

)

select campaign_id, arm, is_control, planned_share
from planned_arms
where campaign_id in (select campaign_id from campaigns)
union all
select campaign_id, 'treatment', false, treatment_share
from of_two
union all
select campaign_id, 'control', true, 1 - treatment_share
from of_two

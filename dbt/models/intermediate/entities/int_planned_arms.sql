{#
  The arms that a campaign names: those of the plan on record, else those that a source delivers. Shares of a campaign sum
  to 1, whatever their sum was as delivered.
#}
with registered as (

    select * from {{ ref('stg_ops__experiment_arms') }}

),

delivered as (

    select * from {{ accepted(ref('int_campaign_arm_versions')) }}

),

arms as (

    select campaign_id, arm, is_control, planned_share from registered
    union all
    select campaign_id, arm, is_control, planned_share
    from delivered
    where campaign_id not in (select campaign_id from registered)

)

select
    campaign_id,
    arm,
    is_control,
    cast(planned_share as double) / sum(cast(planned_share as double)) over (partition by campaign_id) as planned_share
from arms

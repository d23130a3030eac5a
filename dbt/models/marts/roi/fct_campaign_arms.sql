with arms as (

{{ latest_results('campaign_arms', 'campaign_arms') }}

),

metrics as (

{{ latest_results('campaign_metrics', 'campaign_arms') }}

),

margins as (

    select * from metrics
    where metric = 'margin_amount'

),

sales as (

    select * from metrics
    where metric = 'net_amount'

)

select
    arms.campaign_id,
    arms.arm,
    arms.as_of_date,
    arms.is_control,
    arms.planned_share as planned_share_rate,
    arms.members_count,
    arms.buyers_count,
    {{ rate('arms.buyers_count', 'arms.members_count') }} as conversion_rate,
    sales.value as net_amount_per_member,
    margins.value as margin_amount_per_member,
    margins.difference as effect_per_member,
    margins.difference_low as effect_low,
    margins.difference_high as effect_high,
    margins.sequential_low,
    margins.sequential_high,
    margins.p_value,
    margins.arms_holm_p_value as holm_p_value,
    {{ money('case when margins.difference_low is not null then margins.difference * arms.members_count end') }}
        as incremental_margin_amount,
    coalesce(margins.arms_holm_p_value < 0.05, false) as is_different,
    arms.observed_share as observed_share_rate,
    arms.srm_p_value,
    margins.status,
    arms.model_run_id
from arms
inner join margins
    on arms.campaign_id = margins.campaign_id and arms.arm = margins.arm and arms.as_of_date = margins.as_of_date
inner join sales
    on arms.campaign_id = sales.campaign_id and arms.arm = sales.arm and arms.as_of_date = sales.as_of_date

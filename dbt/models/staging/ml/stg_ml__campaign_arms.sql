select
    as_of_date,
    model_run_id,
    campaign_id,
    arm,
    is_control,
    planned_share,
    members_count,
    buyers_count,
    observed_share,
    srm_p_value
from {{ source('ml', 'campaign_arms') }}

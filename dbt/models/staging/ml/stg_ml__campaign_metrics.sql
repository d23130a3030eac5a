select
    as_of_date,
    model_run_id,
    campaign_id,
    arm,
    metric,
    value,
    control_value,
    difference,
    difference_low,
    difference_high,
    sequential_low,
    sequential_high,
    p_value,
    arms_holm_p_value,
    holm_p_value,
    status
from {{ source('ml', 'campaign_metrics') }}

with results as (

{{ latest_results('campaign_metrics', 'campaign_arms') }}

)

select
    campaign_id,
    arm,
    as_of_date,
    metric,
    value,
    control_value,
    difference,
    difference_low,
    difference_high,
    sequential_low,
    sequential_high,
    p_value,
    holm_p_value,
    coalesce(holm_p_value < 0.05, false) as is_different,
    status,
    model_run_id
from results

select
    as_of_date,
    model_run_id,
    behaviour,
    method,
    correlation,
    correlation_low,
    correlation_high,
    p_value,
    customers_count,
    status
from {{ source('ml', 'behaviour_correlations') }}

select
    as_of_date,
    model_run_id,
    model,
    parameter,
    value,
    standard_error,
    log_likelihood,
    is_champion
from {{ source('ml', 'lifetime_value_parameters') }}

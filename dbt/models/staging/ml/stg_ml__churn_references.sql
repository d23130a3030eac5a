select
    as_of_date,
    model_run_id,
    base_log_odds,
    base_probability,
    active_customers_count
from {{ source('ml', 'churn_references') }}

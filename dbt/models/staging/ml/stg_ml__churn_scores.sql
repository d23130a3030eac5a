select
    as_of_date,
    model_run_id,
    customer_id,
    churn_probability,
    churn_band,
    reason_1,
    reason_2,
    reason_3
from {{ source('ml', 'churn_scores') }}

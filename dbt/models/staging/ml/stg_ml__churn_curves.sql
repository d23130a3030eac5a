select
    as_of_date,
    model_run_id,
    model,
    curve,
    x,
    y,
    customers_count
from {{ source('ml', 'churn_curves') }}

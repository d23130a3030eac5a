select
    as_of_date,
    model_run_id,
    customer_id,
    contribution_rank,
    theme,
    contribution,
    sentence
from {{ source('ml', 'churn_contributions') }}

with results as (

{{ latest_results('churn_references', 'churn_scores') }}

)

select
    as_of_date,
    base_log_odds,
    base_probability,
    active_customers_count,
    model_run_id
from results

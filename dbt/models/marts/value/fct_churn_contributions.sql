with results as (

{{ latest_results('churn_contributions', 'churn_scores', current_only=true) }}

)

select
    customer_id,
    contribution_rank,
    theme,
    contribution,
    sentence,
    model_run_id
from results

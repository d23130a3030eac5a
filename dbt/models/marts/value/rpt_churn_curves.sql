with results as (

{{ latest_results('churn_curves', 'churn_scores') }}

)

select as_of_date, model, curve, x, y, customers_count, model_run_id
from results

with results as (

{{ standing_results('behaviour_correlations', 'behaviour_correlations') }}

)

select as_of_date, behaviour, method, correlation, correlation_low, correlation_high, customers_count, model_run_id
from results

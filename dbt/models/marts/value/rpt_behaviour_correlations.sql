with results as (

{{ latest_results('behaviour_correlations', 'behaviour_correlations') }}

)

select
    as_of_date, behaviour, method, correlation, correlation_low, correlation_high, p_value, customers_count, status,
    model_run_id
from results

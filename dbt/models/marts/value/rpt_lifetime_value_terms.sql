with results as (

{{ latest_results('lifetime_value_terms', 'lifetime_values') }}

)

select
    as_of_date,
    margin_rate,
    discount_rate,
    population_amount,
    model_run_id
from results

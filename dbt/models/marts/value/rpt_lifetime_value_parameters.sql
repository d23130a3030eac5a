with results as (

{{ latest_results('lifetime_value_parameters', 'lifetime_values') }}

)

select as_of_date, model, parameter, value, standard_error, log_likelihood, is_champion
from results

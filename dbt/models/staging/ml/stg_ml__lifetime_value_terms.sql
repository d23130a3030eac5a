select
    as_of_date,
    model_run_id,
    margin_rate,
    discount_rate,
    population_amount
from {{ source('ml', 'lifetime_value_terms') }}

with results as (

{{ latest_results('first_order_drivers', 'first_order_drivers', current_only=true) }}

)

select
    attribute,
    attribute_value,
    age_days,
    metric,
    customers_count,
    others_count,
    value,
    others_value,
    difference,
    difference_low,
    difference_high,
    p_value,
    holm_p_value,
    coalesce(holm_p_value < 0.05, false) as is_different,
    status,
    model_run_id
from results

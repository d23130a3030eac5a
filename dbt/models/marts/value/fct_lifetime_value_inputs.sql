with results as (

{{ latest_results('lifetime_value_inputs', 'lifetime_values', current_only=true) }}

)

select
    customer_id,
    repeat_days_count,
    active_span_days,
    observed_days,
    repeat_amount,
    return_rate,
    is_own_amount,
    discounted_orders_3m,
    discounted_orders_12m,
    discounted_orders_24m,
    model_run_id
from results

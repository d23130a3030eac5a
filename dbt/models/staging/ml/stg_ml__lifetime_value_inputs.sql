select
    as_of_date,
    model_run_id,
    customer_id,
    repeat_days_count,
    active_span_days,
    observed_days,
    repeat_amount,
    return_rate,
    is_own_amount,
    discounted_orders_3m,
    discounted_orders_12m,
    discounted_orders_24m
from {{ source('ml', 'lifetime_value_inputs') }}

select
    as_of_date,
    model_run_id,
    model,
    origin_date,
    ranked_by,
    decile,
    customers_count,
    expected_orders,
    actual_orders,
    expected_amount,
    actual_amount
from {{ source('ml', 'lifetime_value_curves') }}

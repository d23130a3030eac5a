select
    as_of_date,
    model_run_id,
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
    status
from {{ source('ml', 'first_order_drivers') }}

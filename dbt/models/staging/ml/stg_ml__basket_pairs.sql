select
    as_of_date,
    model_run_id,
    group_kind,
    first_value,
    second_value,
    orders_count,
    first_orders_count,
    second_orders_count,
    joint_orders_count,
    comparisons_count,
    p_value,
    holm_p_value
from {{ source('ml', 'basket_pairs') }}

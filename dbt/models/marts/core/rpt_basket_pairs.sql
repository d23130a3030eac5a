with results as (

{{ latest_results('basket_pairs', 'basket_pairs', current_only=true) }}

)

select
    group_kind,
    first_value,
    second_value,
    orders_count,
    first_orders_count,
    second_orders_count,
    joint_orders_count,
    {{ rate('joint_orders_count', 'orders_count') }} as support_rate,
    {{ rate('joint_orders_count', 'first_orders_count') }} as first_to_second_rate,
    {{ rate('joint_orders_count', 'second_orders_count') }} as second_to_first_rate,
    {{ rate('joint_orders_count * orders_count', 'first_orders_count * second_orders_count') }} as lift,
    comparisons_count,
    p_value,
    holm_p_value,
    holm_p_value < 0.05 as is_above_chance,
    model_run_id
from results

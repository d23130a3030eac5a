select
    as_of_date,
    model_run_id,
    plan_month,
    customer_id,
    reward_id,
    reward_name,
    campaign_type,
    expected_incremental_margin_amount,
    cost_amount,
    margin_per_order as margin_per_order_amount,
    basis,
    status,
    reason
from {{ source('ml', 'next_best_rewards') }}

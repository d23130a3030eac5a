with rewards as (

{{ latest_results('next_best_rewards', 'next_best_rewards', current_only=true) }}

)

select
    customer_id,
    plan_month,
    reward_id,
    reward_name,
    campaign_type,
    expected_incremental_margin_amount,
    cost_amount,
    margin_per_order_amount,
    basis,
    status,
    reason,
    model_run_id
from rewards

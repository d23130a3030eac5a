with rewards as (

{{ latest_results('next_best_rewards', 'next_best_rewards') }}

)

select
    customer_id,
    plan_month,
    reward_id,
    reward_name,
    campaign_type,
    expected_incremental_margin_amount,
    cost_amount,
    basis,
    status,
    reason,
    model_run_id
from rewards
where as_of_date = (select as_of_date from {{ ref('int_run_dates') }})

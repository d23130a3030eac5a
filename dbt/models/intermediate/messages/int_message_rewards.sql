{#
  The same reward is one occasion a planned month, which on the last day of a month is the next one.
#}
with rewards as (

{{ latest_results('next_best_rewards', 'next_best_rewards', current_only=true) }}

),

offers as (

    select customer_id, reward_id as next_best_reward, plan_month
    from rewards
    where status = 'offered'

)

select
    customer_id,
    'reward' as template,
    next_best_reward as subject,
    plan_month as event_date,
    cast(null as date) as useful_until,
    {{ json_record(['next_best_reward']) }} as payload
from offers

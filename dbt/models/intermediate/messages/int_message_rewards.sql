{# One row per customer with a reward to offer; the same reward is one occasion a month. #}
select
    customers.customer_id,
    'reward' as template,
    customers.next_best_reward as subject,
    {{ month_of('run_dates.as_of_date') }} as event_date,
    cast(null as date) as useful_until,
    {{ json_record(['next_best_reward']) }} as payload
from {{ ref('dim_customers') }} as customers
cross join {{ ref('int_run_dates') }} as run_dates
where customers.next_best_reward is not null

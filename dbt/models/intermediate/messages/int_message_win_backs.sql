{#
  Customers who have just become at risk or lapsed, or who still buy and are likely to leave. The spell without an order,
  which its last order names, is the occasion.
#}
{%- set horizon, days = var('churn_horizon_days'), setting('messages', 'win_back_days') -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

activity as (

    select * from {{ ref('int_customer_activity') }}
    where as_of_date = (select as_of_date from run_dates)

),

churn_scores as (

{{ latest_results('churn_scores', 'churn_scores', current_only=true) }}

),

judged as (

    select
        activity.customer_id,
        activity.last_order_date,
        case
            when activity.activity_status = 'at_risk' and activity.recency_days < {{ horizon + days }} then 'at_risk'
            when activity.activity_status = 'lapsed' and activity.recency_days < {{ 2 * horizon + days }} then 'lapsed'
            when activity.activity_status in ('active', 'reactivated') and churn_scores.churn_band in ('high', 'critical')
                then 'churn_risk'
        end as subject
    from activity
    left join churn_scores on activity.customer_id = churn_scores.customer_id

)

select
    customer_id,
    'win_back' as template,
    subject,
    last_order_date as event_date,
    cast(null as date) as useful_until,
    {{ json_record(['last_order_date']) }} as payload
from judged
where subject is not null

{#
  One row per customer who has just become at risk or lapsed, or who still buys and is likely to leave. The spell
  without an order, which its last order names, is the occasion.
#}
{%- set horizon, days = var('churn_horizon_days'), setting('messages', 'win_back_days') -%}
with judged as (

    select
        customer_id,
        last_order_date,
        case
            when activity_status = 'at_risk' and recency_days < {{ horizon + days }} then 'at_risk'
            when activity_status = 'lapsed' and recency_days < {{ 2 * horizon + days }} then 'lapsed'
            when activity_status in ('active', 'reactivated') and churn_band in ('high', 'critical') then 'churn_risk'
        end as subject
    from {{ ref('dim_customers') }}

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

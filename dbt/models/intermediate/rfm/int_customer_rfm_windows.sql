{{ config(materialized='view') }}
-- One row per customer, as_of_date and rfm_window: recency, frequency and net sales before any ranking.
with customer_activity as {{ computed_anew() }} (

    select * from {{ ref('int_customer_activity') }}

)

select
    customer_id,
    as_of_date,
    'lifetime' as rfm_window,
    recency_days,
    orders_count as frequency,
    net_amount as monetary_amount,
    activity_status
from customer_activity

union all

select
    customer_id,
    as_of_date,
    '365d' as rfm_window,
    recency_days,
    orders_count_365d as frequency,
    net_amount_365d as monetary_amount,
    activity_status
from customer_activity

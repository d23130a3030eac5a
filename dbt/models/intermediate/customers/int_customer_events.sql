{{ config(materialized='view') }}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_events as (

    select *, {{ business_date('occurred_at') }} as event_date
    from {{ resolved(accepted(ref('int_customer_event_versions'))) }}

)

select event_id, customer_id, event_type, occurred_at, event_date, reference_id
from customer_events
where event_date <= (select as_of_date from run_dates)

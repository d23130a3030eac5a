{{ config(materialized='view') }}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_feedback as (

    select *, {{ business_date('given_at') }} as feedback_date
    from {{ resolved(accepted(ref('int_customer_feedback_versions'))) }}

)

select feedback_id, customer_id, feedback_date, rating
from customer_feedback
where feedback_date <= (select as_of_date from run_dates)

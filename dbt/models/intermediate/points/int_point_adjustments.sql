{{ config(materialized='view') }}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

adjustments as (

    select *, {{ business_date('adjusted_at') }} as adjusted_on
    from {{ resolved(accepted(ref('int_point_adjustment_versions'))) }}

)

select adjustment_id, customer_id, adjusted_on, points, reason
from adjustments
where adjusted_on <= (select as_of_date from run_dates)

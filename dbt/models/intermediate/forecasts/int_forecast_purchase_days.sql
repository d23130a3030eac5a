{{ config(materialized='view') }}
-- Whole months alone, as for int_forecast_months: what is learned from this is learned anew when a month has closed.
with run_dates as (

    select {{ month_of(add_days('data_through', 1)) }} as open_month
    from {{ ref('int_run_dates') }}

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

)

select
    customer_daily.customer_id,
    {{ hash_share('customer_daily.customer_id') }} as hash_share,
    customer_daily.order_date
from customer_daily
inner join run_dates on customer_daily.order_date < run_dates.open_month
where customer_daily.has_valid_order

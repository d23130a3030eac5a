{{ config(materialized='view') }}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

numbers as (

    {{ numbers_to('(select ' ~ months_between('as_of_date', 'data_from') ~ ' from run_dates)') }}

)

select {{ add_months('run_dates.data_from', 'numbers.number') }} as month
from run_dates
cross join numbers

-- The days that churn is learned and told at: month ends with 90 days of history, and as_of_date itself.
with as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

)

select
    as_of_dates.as_of_date as snapshot_date,
    {{ days_between('as_of_dates.as_of_date', 'run_dates.data_from') }} + 1 as observed_days,
    {{ add_days('as_of_dates.as_of_date', var('churn_horizon_days')) }} <= run_dates.data_through as is_label_known
from as_of_dates
cross join run_dates
where as_of_dates.as_of_date >= {{ add_days('run_dates.data_from', 90) }} or as_of_dates.is_current

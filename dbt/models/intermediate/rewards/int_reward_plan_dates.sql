-- The month whose rewards are planned, the one of the day after as_of_date, and the day before it, whose state of things
-- decides. So a plan does not move within its month, and its budget is spent once.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

)

select
    {{ month_of(add_days('as_of_date', 1)) }} as plan_month,
    {{ add_days(month_of(add_days('as_of_date', 1)), -1) }} as snapshot_date
from run_dates

-- The days that history is told as of: every month end since data_from, and the run's own as_of_date.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

months as (

    select * from {{ ref('int_months') }}

),

month_ends as (

    select last_day(months.month) as month_end
    from months
    cross join run_dates
    where last_day(months.month) <= run_dates.as_of_date

)

select month_ends.month_end as as_of_date, month_ends.month_end = run_dates.as_of_date as is_current, true as is_month_end
from month_ends
cross join run_dates

union

select run_dates.as_of_date, true as is_current, month_ends.month_end is not null as is_month_end
from run_dates
left join month_ends on run_dates.as_of_date = month_ends.month_end

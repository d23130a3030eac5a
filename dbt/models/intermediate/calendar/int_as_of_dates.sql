-- One row per day that history is told as of: every month end since data_from, and the run's own as_of_date.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

months as (

    select
        {{ add_days(add_months('run_dates.data_from', 'numbers.number + 1'), -1) }} as month_end,
        run_dates.as_of_date
    from run_dates
    cross join ({{ numbers_to("(select " ~ months_between('as_of_date', 'data_from') ~ " from " ~ ref('int_run_dates') ~ ")") }}) as numbers

)

select month_end as as_of_date, month_end = as_of_date as is_current, true as is_month_end
from months
where month_end <= as_of_date
union
select as_of_date, true as is_current, as_of_date in (select month_end from months) as is_month_end
from run_dates

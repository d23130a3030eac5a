{#
  The complete days of the last 80 weeks: as many as it takes to judge eight weeks by eight month ends before each, which
  are judged in the same way first.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

holidays as (

    select * from {{ ref('stg_ops__holidays') }}

),

days as (

    {{ days_from_to('(select greatest(data_from, ' ~ add_days('data_through', -559) ~ ') from run_dates)',
        '(select data_through from run_dates)') }}

)

select
    days.date_day,
    days.date_day = last_day(days.date_day) as is_month_end,
    holidays.date_day is not null as is_holiday
from days
left join holidays on days.date_day = holidays.date_day

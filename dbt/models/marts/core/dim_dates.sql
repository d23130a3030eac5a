with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

days as (

    {{ days_from_to('(select make_date(cast(extract(year from data_from) as integer), 1, 1) from run_dates)',
        '(select make_date(cast(extract(year from as_of_date) as integer), 12, 31) from run_dates)') }}

)

select
    days.date_day,
    {{ month_of('days.date_day') }} as month,
    cast(extract(year from days.date_day) as integer) as year,
    cast(extract(quarter from days.date_day) as integer) as quarter,
    cast(extract(month from days.date_day) as integer) as month_number,
    cast(extract(day from days.date_day) as integer) as day_of_month,
    {{ iso_weekday('days.date_day') }} as iso_weekday,
    days.date_day = last_day(days.date_day) as is_month_end,
    days.date_day between run_dates.data_from and run_dates.data_through as has_data
from days
cross join run_dates

-- What a day is compared with: the same weekday of the eight weeks before, a month's last day with the eight before.
with days as (

    select * from {{ ref('int_alert_days') }}
    where not is_holiday

),

numbers as (

    {{ numbers_to(7) }}

),

candidates as (

    select
        days.date_day,
        days.is_month_end,
        case
            when days.is_month_end then last_day({{ add_months('days.date_day', '-1 - numbers.number') }})
            else {{ add_days('days.date_day', '-7 * (numbers.number + 1)') }}
        end as reference_day
    from days
    cross join numbers

)

select candidates.date_day, candidates.reference_day
from candidates
inner join days
    on candidates.reference_day = days.date_day and candidates.is_month_end = days.is_month_end

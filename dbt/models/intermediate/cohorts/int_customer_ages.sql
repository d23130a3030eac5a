-- What each customer had ordered and earned at each age, counted from the first valid order, whether or not that old yet.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

cohort_days as (

    select *, {{ days_between('order_date', 'first_order_date') }} as day_number
    from {{ ref('int_cohort_days') }}

)

select
    cohort_days.customer_id,
    cohort_days.cohort_month,
    {{ days_between('min(run_dates.data_through)', 'min(cohort_days.first_order_date)') }} as age_days,
    min(cohort_days.day_number) filter (where cohort_days.has_valid_order and cohort_days.day_number > 0) as days_to_second,
    {%- for days in customer_ages() %}
    sum(cohort_days.orders_count) filter (where cohort_days.day_number <= {{ days }}) as orders_count_{{ days }}d,
    {{ money('sum(cohort_days.net_amount) filter (where cohort_days.day_number <= ' ~ days ~ ')') }} as net_amount_{{ days }}d,
    {{ money('sum(cohort_days.margin_amount) filter (where cohort_days.day_number <= ' ~ days ~ ')') }}
        as margin_amount_{{ days }}d{{ ',' if not loop.last }}
    {%- endfor %}
from cohort_days
cross join run_dates
group by cohort_days.customer_id, cohort_days.cohort_month

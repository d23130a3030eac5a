with customer_purchase_days as (

    select * from {{ ref('int_customer_purchase_days') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

horizons as (

    {% for days in customer_ages() -%}
    select {{ days }} as horizon_days{{ ' union all' if not loop.last }}
    {% endfor %}

),

first_days as (

    select
        {{ month_of('days.order_date') }} as cohort_month,
        {{ days_between('days.next_order_date', 'days.order_date') }} as days_to_second,
        {{ days_between('run_dates.data_through', 'days.order_date') }} as age_days
    from customer_purchase_days as days
    cross join run_dates
    where days.previous_order_date is null

),

counted as (

    select
        horizons.horizon_days,
        first_days.cohort_month,
        count(*) filter (where first_days.age_days >= horizons.horizon_days) as mature_customers_count,
        count(*) filter (
            where first_days.age_days >= horizons.horizon_days and first_days.days_to_second <= horizons.horizon_days
        ) as repurchased_customers_count,
        grouping(first_days.cohort_month) as is_total
    from horizons
    left join first_days on true
    group by grouping sets ((horizons.horizon_days, first_days.cohort_month), (horizons.horizon_days))

)

select
    case when is_total = 1 then 'all' else {{ as_text('cohort_month') }} end as cohort_month,
    horizon_days,
    mature_customers_count,
    repurchased_customers_count,
    {{ rate('repurchased_customers_count', 'mature_customers_count') }} as repurchase_rate,
    case when mature_customers_count > 0 then 'ok' else 'no_customer_old_enough' end as status
from counted
where is_total = 1 or cohort_month is not null

{%- set horizon = var('churn_horizon_days') -%}
with customer_activity as (

    select * from {{ ref('int_customer_activity') }}

),

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customers as (

    select
        {{ month_of('activity.as_of_date') }} as month,
        dates.is_month_end,
        coalesce({{ days_between(add_days(month_of('activity.as_of_date'), -1), 'activity.last_order_date_before') }} < {{ horizon }}, false)
            as was_active,
        coalesce(activity.is_active, false) as is_active,
        activity.last_order_date_before is null as is_first_month
    from customer_activity as activity
    inner join as_of_dates as dates
        on activity.as_of_date = dates.as_of_date

),

months as (

    select
        month,
        is_month_end as is_complete,
        count(*) filter (where was_active) as active_start_count,
        count(*) filter (where is_active and not was_active and is_first_month) as new_count,
        count(*) filter (where is_active and not was_active and not is_first_month) as reactivated_count,
        count(*) filter (where was_active and not is_active) as lost_count,
        count(*) filter (where was_active and is_active) as retained_count,
        count(*) filter (where is_active) as active_end_count
    from customers
    group by month, is_month_end

)

select
    months.month,
    months.active_start_count,
    months.new_count,
    months.reactivated_count,
    months.lost_count,
    months.retained_count,
    months.active_end_count,
    case when months.is_complete then {{ rate('months.retained_count', 'months.active_start_count') }} end as retention_rate,
    case when months.is_complete then 1 - {{ rate('months.retained_count', 'months.active_start_count') }} end as churn_rate,
    months.is_complete,
    {{ days_between('months.month', 'run_dates.data_from') }} < 2 * {{ horizon }} as is_left_truncated
from months
cross join run_dates

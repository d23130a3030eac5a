-- A cell counts the customers who are old enough for it, above and below the line; where none is, it holds what the whole
-- cohort has done so far, without rates.
with cohort_periods as (

    select * from {{ ref('int_cohort_periods') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

members as (

    select * from {{ ref('int_cohort_members') }}

),

cohorts as (

    select
        cohort_month,
        period_unit,
        max(last_period) as last_period,
        cast(sum(customers_count) as bigint) as customers_count
    from members
    group by cohort_month, period_unit

),

cells as (

    select
        cohorts.cohort_month,
        cohorts.period_unit,
        numbers.number as period,
        cohorts.customers_count,
        coalesce(sum(members.customers_count), 0) as mature_customers_count
    from cohorts
    inner join ({{ numbers_to('(select max(last_period) from members)') }}) as numbers
        on cohorts.last_period >= numbers.number
    left join members
        on cohorts.cohort_month = members.cohort_month
        and cohorts.period_unit = members.period_unit
        and numbers.number <= members.last_complete_period
    group by cohorts.cohort_month, cohorts.period_unit, numbers.number, cohorts.customers_count

),

sized as (

    select
        *,
        mature_customers_count > 0 as is_complete,
        cast(case when mature_customers_count > 0 then mature_customers_count else customers_count end as bigint) as cohort_size
    from cells

),

filled as (

    select
        sized.cohort_month,
        sized.period_unit,
        sized.period,
        sized.cohort_size,
        sized.is_complete,
        cast(coalesce(sum(periods.active_customers_count) filter (where periods.period = sized.period), 0) as bigint)
            as active_customers_count,
        {{ money('coalesce(sum(periods.net_amount) filter (where periods.period = sized.period), 0)') }} as net_amount,
        {{ money('coalesce(sum(periods.net_amount), 0)') }} as cumulative_net_amount
    from sized
    left join cohort_periods as periods
        on sized.cohort_month = periods.cohort_month
        and sized.period_unit = periods.period_unit
        and sized.period >= periods.period
        and (sized.period <= periods.last_complete_period or not sized.is_complete)
    group by sized.cohort_month, sized.period_unit, sized.period, sized.cohort_size, sized.is_complete

)

select
    filled.cohort_month,
    filled.period_unit,
    filled.period,
    filled.cohort_size,
    filled.active_customers_count,
    case when filled.is_complete then {{ rate('filled.active_customers_count', 'filled.cohort_size') }} end as retention_rate,
    filled.net_amount,
    filled.cumulative_net_amount,
    case when filled.is_complete then {{ exact_average('filled.cumulative_net_amount', 'filled.cohort_size') }} end
        as cumulative_net_amount_per_customer,
    filled.is_complete,
    {{ days_between('filled.cohort_month', 'run_dates.data_from') }} < 2 * {{ var('churn_horizon_days') }} as is_left_truncated,
    filled.cohort_size < 30 as is_small
from filled
cross join run_dates

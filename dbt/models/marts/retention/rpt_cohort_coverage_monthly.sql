with cohort_retention as (

    select * from {{ ref('fct_cohort_retention') }}

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

cohort_months as (

    select
        {{ add_months('cohort_month', 'period') }} as month,
        {{ money('sum(net_amount)') }} as net_amount
    from cohort_retention
    where period_unit = 'month'
    group by 1

),

identified_months as (

    select
        {{ month_of('order_date') }} as month,
        {{ money('sum(net_amount)') }} as net_amount
    from customer_daily
    group by 1

)

select
    identified_months.month,
    identified_months.net_amount as identified_net_amount,
    coalesce(cohort_months.net_amount, 0) as cohort_net_amount,
    identified_months.net_amount - coalesce(cohort_months.net_amount, 0) as outside_cohorts_net_amount
from identified_months
left join cohort_months on identified_months.month = cohort_months.month

-- Cohorts sum to the customers with a first order and cover revenue, one month's growth begins where the last one ended.
with cohorts as (

    select cohort_month, count(*) as customers_count
    from {{ ref('int_customers') }}
    where first_order_date is not null
    group by cohort_month

),

entries as (

    select cohort_month, cohort_size
    from {{ ref('fct_cohort_retention') }}
    where period_unit = 'month' and period = 0

),

coverage as (

    select sum(cohort_net_amount) as cohort_net_amount, sum(identified_net_amount) as identified_net_amount
    from {{ ref('rpt_cohort_coverage_monthly') }}

),

cohort_revenue as (

    select sum(net_amount) as net_amount
    from {{ ref('fct_cohort_retention') }}
    where period_unit = 'month'

),

customer_revenue as (

    select sum(net_amount_lifetime) as net_amount
    from {{ ref('int_customers') }}

),

ends as (

    select {{ add_months('month', 1) }} as month, active_end_count
    from {{ ref('rpt_customer_growth_monthly') }}

),

repurchases as (

    select
        horizon_days,
        sum(mature_customers_count) filter (where cohort_month = 'all') as mature_of_all,
        sum(mature_customers_count) filter (where cohort_month <> 'all') as mature_of_cohorts,
        sum(repurchased_customers_count) filter (where cohort_month = 'all') as repurchased_of_all,
        sum(repurchased_customers_count) filter (where cohort_month <> 'all') as repurchased_of_cohorts
    from {{ ref('rpt_repurchase') }}
    group by horizon_days

),

first_waits as (

    select cohort_month, at_risk_count
    from {{ ref('fct_purchase_survival') }}
    where gap_kind = 'second' and day = 0

)

select 'cohorts do not sum to the customers with a first order' as rule, {{ as_text('coalesce(cohorts.cohort_month, entries.cohort_month)') }} as row_key
from cohorts
full outer join entries on cohorts.cohort_month = entries.cohort_month
where coalesce(cohorts.customers_count, 0) <> coalesce(entries.cohort_size, 0)

union all

select 'cohorts and what is outside them do not sum to the revenue of customers' as rule, {{ as_text('coverage.identified_net_amount') }} as row_key
from coverage
cross join cohort_revenue
cross join customer_revenue
where coverage.cohort_net_amount <> cohort_revenue.net_amount or coverage.identified_net_amount <> customer_revenue.net_amount

union all

select 'a month does not begin where the month before ended' as rule, {{ as_text('growth.month') }} as row_key
from {{ ref('rpt_customer_growth_monthly') }} as growth
inner join ends on growth.month = ends.month
where growth.active_start_count <> ends.active_end_count

union all

select 'the cohorts do not sum to all customers' as rule, {{ as_text('horizon_days') }} as row_key
from repurchases
where mature_of_all <> coalesce(mature_of_cohorts, 0) or repurchased_of_all <> coalesce(repurchased_of_cohorts, 0)

union all

select 'not every customer of a cohort waits for a second purchase' as rule, first_waits.cohort_month as row_key
from first_waits
left join cohorts on first_waits.cohort_month = {{ as_text('cohorts.cohort_month') }}
where first_waits.at_risk_count <> coalesce(cohorts.customers_count, (select count(*) from {{ ref('int_customers') }} where first_order_date is not null))

{#
  What the customers of a month and channel had earned by each whole 30 days of age, returns taken off; only ages at which
  something counted have a row, since in between nothing changes.
#}
with acquired_customers as (

    select * from {{ ref('int_acquired_customers') }}

),

cohort_days as (

    select *, greatest({{ whole_division(days_between('order_date', 'first_order_date') ~ ' + 29', '30') }}, 1) * 30 as age_days
    from {{ ref('int_cohort_days') }}

),

earned as (

    select
        acquired_customers.cohort_month,
        case when grouping(acquired_customers.channel) = 1 then 'all' else acquired_customers.channel end as channel,
        grouping(acquired_customers.channel) = 1 as is_all_channels,
        cohort_days.age_days,
        sum(cohort_days.margin_amount) as margin_amount
    from cohort_days
    inner join acquired_customers on cohort_days.customer_id = acquired_customers.customer_id
    group by grouping sets (
        (acquired_customers.cohort_month, cohort_days.age_days),
        (acquired_customers.cohort_month, acquired_customers.channel, cohort_days.age_days)
    )

)

select
    cohort_month,
    channel,
    is_all_channels,
    age_days,
    {{ money('sum(margin_amount) over (partition by cohort_month, channel, is_all_channels order by age_days)') }}
        as cumulative_margin_amount
from earned

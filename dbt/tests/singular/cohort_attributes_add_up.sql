-- Where a customer stands under one value alone, the values of an attribute sum to the customers of rpt_repurchase and to who of them came back.
with attributes as (

    select * from {{ ref('fct_cohort_attributes') }}
    where is_exclusive

),

repurchase as (

    select * from {{ ref('rpt_repurchase') }}

),

sums as (

    select
        attribute,
        cohort_month,
        age_days,
        sum(cohort_size) as cohort_size,
        sum(repurchased_customers_count) as repurchased_customers_count
    from attributes
    group by attribute, cohort_month, age_days

)

select
    'the values of an attribute do not sum to its customers' as rule,
    sums.attribute || ' ' || sums.cohort_month || ' ' || {{ as_text('sums.age_days') }} as row_key
from sums
left join repurchase on sums.cohort_month = repurchase.cohort_month and sums.age_days = repurchase.horizon_days
where
    coalesce(sums.cohort_size <> repurchase.mature_customers_count, true)
    or coalesce(sums.repurchased_customers_count <> repurchase.repurchased_customers_count, true)

{#
  Where each customer came from: the marketing source of the first valid order where the data has any, else the order's
  channel; in lower case, as spend is, so that the two meet. Unknown stays unknown and is never spread over channels.
#}
with first_orders as (

    select * from {{ ref('int_first_orders') }}

),

known as (

    select count(marketing_source) > 0 as has_sources
    from first_orders

),

customer_ages as (

    select * from {{ ref('int_customer_ages') }}

)

select
    first_orders.customer_id,
    first_orders.cohort_month,
    coalesce(
        nullif(lower(trim(case when known.has_sources then first_orders.marketing_source else first_orders.channel end)), ''),
        'unknown'
    ) as channel,
    customer_ages.age_days,
    customer_ages.margin_amount_90d,
    customer_ages.margin_amount_180d,
    customer_ages.margin_amount_365d
from first_orders
cross join known
inner join customer_ages on first_orders.customer_id = customer_ages.customer_id

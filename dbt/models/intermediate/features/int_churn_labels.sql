-- One row per snapshot and eligible customer whose horizon is over: the valid orders in it, and whether there was none.
with churn_purchases as (

    select * from {{ ref('int_churn_purchases') }}

),

feature_days as (

    select * from {{ ref('int_feature_days') }}

)

select
    purchases.snapshot_date,
    purchases.customer_id,
    cast(coalesce(sum(days.orders_count), 0) as bigint) as next_orders_count,
    count(days.order_date) = 0 as churned
from churn_purchases as purchases
left join feature_days as days
    on purchases.customer_id = days.customer_id
    and days.order_date > purchases.snapshot_date
    and days.order_date <= {{ add_days('purchases.snapshot_date', var('churn_horizon_days')) }}
where purchases.is_label_known
group by purchases.snapshot_date, purchases.customer_id

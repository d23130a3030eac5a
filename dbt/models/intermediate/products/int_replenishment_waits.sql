{#
  One row per product or category and length in days: how many waits of its customers for their own next purchase of it
  ended after so many days, and how many ended with that purchase; a wait that as_of_date cuts off ends without one.
  Orders of one day are one purchase. The products beyond those of most orders stand under their category alone.
#}
with basket_items as (

    select * from {{ ref('int_basket_items') }}

),

shown as (

    select * from {{ ref('int_basket_item_counts') }}
    where orders_rank <= {{ most_products() }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

purchase_days as (

    select distinct
        basket_items.group_kind,
        basket_items.group_value,
        basket_items.customer_id,
        basket_items.order_date
    from basket_items
    inner join shown
        on basket_items.group_kind = shown.group_kind and basket_items.group_value = shown.group_value

),

waits as (

    select
        *,
        lead(order_date) over (partition by group_kind, group_value, customer_id order by order_date) as next_order_date
    from purchase_days

)

select
    waits.group_kind,
    waits.group_value,
    {{ days_between('coalesce(waits.next_order_date, run_dates.as_of_date)', 'waits.order_date') }} as day,
    count(waits.next_order_date) as event_count,
    count(*) as exit_count
from waits
cross join run_dates
group by 1, 2, 3

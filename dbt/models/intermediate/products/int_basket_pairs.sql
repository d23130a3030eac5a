{#
  Pairs of products, and of categories, in 20 orders or more. Only what is itself in so many orders can be in such a pair:
  comparisons_count is how many pairs that are. The first of a pair is in more orders, or in as many and first by name.
#}
with basket_items as (

    select * from {{ ref('int_basket_items') }}
    where group_value <> 'unknown'

),

frequent as (

    select * from {{ ref('int_basket_item_counts') }}
    where orders_count >= 20 and orders_rank <= {{ most_products() }}

),

baskets as (

    select basket_items.order_id, frequent.group_kind, frequent.orders_rank
    from basket_items
    inner join frequent
        on basket_items.group_kind = frequent.group_kind and basket_items.group_value = frequent.group_value

),

paired as (

    select
        firsts.group_kind,
        firsts.orders_rank as first_rank,
        seconds.orders_rank as second_rank,
        count(*) as joint_orders_count
    from baskets as firsts
    inner join baskets as seconds
        on firsts.order_id = seconds.order_id
        and firsts.group_kind = seconds.group_kind
        and firsts.orders_rank < seconds.orders_rank
    group by firsts.group_kind, firsts.orders_rank, seconds.orders_rank
    having count(*) >= 20

),

comparisons as (

    select group_kind, cast(count(*) * (count(*) - 1) / 2 as bigint) as comparisons_count
    from frequent
    group by group_kind

),

orders as (

    select group_kind, count(distinct order_id) as orders_count
    from basket_items
    group by group_kind

)

select
    paired.group_kind,
    firsts.group_value as first_value,
    seconds.group_value as second_value,
    orders.orders_count,
    firsts.orders_count as first_orders_count,
    seconds.orders_count as second_orders_count,
    paired.joint_orders_count,
    comparisons.comparisons_count
from paired
inner join frequent as firsts on paired.group_kind = firsts.group_kind and paired.first_rank = firsts.orders_rank
inner join frequent as seconds on paired.group_kind = seconds.group_kind and paired.second_rank = seconds.orders_rank
inner join comparisons on paired.group_kind = comparisons.group_kind
inner join orders on paired.group_kind = orders.group_kind

-- The sale lines a redeemed coupon may have been used on: its customer, its business day, one of its products.
with redemptions as (

    select * from {{ ref('int_redemptions') }}
    where campaign_id is not null

),

reward_products as (

    select * from {{ accepted(ref('int_reward_product_versions')) }}

),

lines as (

    select order_line_id, customer_id, order_date, product_id, net_amount, cost_amount
    from {{ ref('int_order_line_versions') }}
    where row_status = 'accepted' and order_status = 'completed' and not is_return
        and customer_id in (select customer_id from redemptions)

)

select
    redemptions.redemption_id,
    redemptions.campaign_id,
    lines.order_line_id,
    lines.customer_id,
    lines.order_date,
    lines.net_amount,
    lines.cost_amount
from redemptions
inner join lines
    on redemptions.customer_id = lines.customer_id and redemptions.redemption_date = lines.order_date
inner join reward_products
    on redemptions.reward_id = reward_products.reward_id
    and redemptions.campaign_id = reward_products.campaign_id
    and lines.product_id = reward_products.product_id

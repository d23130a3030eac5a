-- A coupon may have been used on the sale lines of its customer and its business day that are of one of its products.
with redemptions as (

    select * from {{ ref('int_redemptions') }}
    where campaign_id is not null and is_take_back is not true

),

reward_products as (

    select * from {{ accepted(ref('int_reward_product_versions')) }}

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

eligible as (

    select * from sale_lines
    where not is_return and customer_id in (select customer_id from redemptions)

)

select
    redemptions.redemption_id,
    redemptions.campaign_id,
    eligible.order_line_id,
    eligible.customer_id,
    eligible.order_date,
    eligible.net_amount,
    eligible.margin_amount
from redemptions
inner join eligible
    on redemptions.customer_id = eligible.customer_id and redemptions.redemption_date = eligible.order_date
inner join reward_products
    on redemptions.reward_id = reward_products.reward_id
    and redemptions.campaign_id = reward_products.campaign_id
    and eligible.product_id = reward_products.product_id

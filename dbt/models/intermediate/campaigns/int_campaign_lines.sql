{#
  A line counts once, for its own campaign. What comes back of an order is the campaign's by which that product of the
  order was bought, or the whole of the order.
#}
with sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

own_lines as (

    select * from {{ ref('int_campaign_own_lines') }}

),

returns as (

    select * from sale_lines
    where
        is_return
        and returned_order_id is not null
        and order_line_id not in (select order_line_id from own_lines)

),

-- the lines of the orders that something came back of, with the campaigns they were bought by
returned_orders as (

    select
        sale_lines.order_id,
        sale_lines.product_id,
        own_lines.campaign_id
    from sale_lines
    left join own_lines on sale_lines.order_line_id = own_lines.order_line_id
    where not sale_lines.is_return and sale_lines.order_id in (select returned_order_id from returns)

),

by_product as (

    select order_id, product_id, min(campaign_id) as campaign_id
    from returned_orders
    where product_id is not null
    group by order_id, product_id

),

by_order as (

    select returned_orders.order_id, min(returned_orders.campaign_id) as campaign_id
    from returned_orders
    group by returned_orders.order_id
    having
        count(*) = count(returned_orders.campaign_id)
        and min(returned_orders.campaign_id) = max(returned_orders.campaign_id)

),

brought_back as (

    select
        returns.order_line_id,
        case when by_product.order_id is not null then by_product.campaign_id else by_order.campaign_id end as campaign_id,
        returns.customer_id,
        returns.order_date,
        returns.net_amount,
        returns.margin_amount
    from returns
    left join by_product
        on returns.returned_order_id = by_product.order_id and returns.product_id = by_product.product_id
    left join by_order on returns.returned_order_id = by_order.order_id

)

select order_line_id, campaign_id, customer_id, order_date, net_amount, margin_amount, is_matched
from own_lines

union all

select order_line_id, campaign_id, customer_id, order_date, net_amount, margin_amount, false as is_matched
from brought_back
where campaign_id is not null

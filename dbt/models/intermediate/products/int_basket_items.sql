{#
  What was in each valid order: every product once and every category once, however many lines it had. An order is its
  customer's and of its day, whatever its lines say. A line of quantity and amount 0 buys nothing.
#}
with orders as (

    select * from {{ ref('int_numbered_orders') }}

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}
    where not is_return and (quantity > 0 or net_amount > 0)

),

products as (

    select * from {{ accepted(ref('int_product_versions')) }}

),

bought as (

    select distinct orders.order_id, orders.customer_id, orders.order_date, sale_lines.product_id
    from orders
    inner join sale_lines on orders.order_id = sale_lines.order_id

)

select
    order_id,
    customer_id,
    order_date,
    'product' as group_kind,
    coalesce(product_id, 'unknown') as group_value
from bought

union all

select distinct
    bought.order_id,
    bought.customer_id,
    bought.order_date,
    'category' as group_kind,
    coalesce(products.category, 'unknown') as group_value
from bought
left join products on bought.product_id = products.product_id

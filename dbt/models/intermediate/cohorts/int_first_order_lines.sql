-- The sale lines of each customer's first valid order: a line a customer and product, or a few.
with orders as (

    select * from {{ ref('int_orders') }}

),

numbered_orders as (

    select * from {{ ref('int_numbered_orders') }}
    where order_number = 1

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}
    where not is_return

),

first_orders as (

    select orders.*
    from orders
    inner join numbered_orders on orders.order_id = numbered_orders.order_id

)

select
    sale_lines.order_line_id,
    sale_lines.product_id,
    sale_lines.discount_code,
    sale_lines.country,
    sale_lines.marketing_source,
    sale_lines.marketing_medium,
    sale_lines.marketing_campaign,
    first_orders.order_id,
    first_orders.customer_id,
    first_orders.order_date,
    {{ month_of('first_orders.order_date') }} as cohort_month,
    first_orders.channel,
    first_orders.store_id,
    first_orders.discount_amount,
    first_orders.net_amount
from first_orders
inner join sale_lines on first_orders.order_id = sale_lines.order_id

-- The sale lines of each customer's first valid order: a line a customer and product, or a few.
with orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}
    where not is_return

),

first_orders as (

    select *
    from orders
    qualify row_number() over (partition by customer_id order by ordered_at, order_id) = 1

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

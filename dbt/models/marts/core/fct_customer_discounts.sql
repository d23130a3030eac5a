-- What a class says is known from two orders on. Money is that of the valid orders less what came back of them.
with orders as (

    select *, discount_amount > 0 as is_discounted
    from {{ ref('fct_orders') }}
    where is_valid

),

order_returns as (

    select * from {{ ref('int_order_returns') }}

),

returned as (

    select order_id, sum(return_amount) as return_amount, sum(return_margin_amount) as return_margin_amount
    from order_returns
    group by order_id

),

summed as (

    select
        orders.customer_id,
        min(orders.order_date) as first_order_date,
        max(case when orders.is_first_order and orders.is_discounted then 1 else 0 end) = 1 as is_first_order_discounted,
        count(*) as orders_count,
        count(*) filter (where orders.is_discounted) as discounted_orders_count,
        sum(orders.gross_amount) as gross_amount,
        sum(orders.discount_amount) as discount_amount,
        sum(orders.net_amount + coalesce(returned.return_amount, 0)) as net_amount,
        sum(orders.margin_amount + coalesce(returned.return_margin_amount, 0)) as margin_amount
    from orders
    left join returned on orders.order_id = returned.order_id
    group by orders.customer_id

),

full_price as (

    select orders.customer_id, min(orders.order_date) as order_date
    from orders
    inner join summed on orders.customer_id = summed.customer_id and orders.order_date > summed.first_order_date
    where not orders.is_discounted
    group by orders.customer_id

)

select
    summed.customer_id,
    summed.first_order_date,
    summed.is_first_order_discounted,
    summed.orders_count,
    summed.discounted_orders_count,
    {{ rate('summed.discounted_orders_count', 'summed.orders_count') }} as discounted_orders_rate,
    {{ money('summed.gross_amount') }} as gross_amount,
    {{ money('summed.discount_amount') }} as discount_amount,
    {{ rate('summed.discount_amount', 'summed.gross_amount') }} as discount_rate,
    {{ money('summed.net_amount') }} as net_amount,
    {{ money('summed.margin_amount') }} as margin_amount,
    case
        when summed.orders_count = 1 then 'one_order'
        when summed.discounted_orders_count = 0 then 'never'
        when summed.discounted_orders_count = summed.orders_count then 'only'
        -- two thirds in whole numbers
        when 3 * summed.discounted_orders_count >= 2 * summed.orders_count then 'mostly'
        else 'sometimes'
    end as discount_class,
    {{ days_between('full_price.order_date', 'summed.first_order_date') }} as days_to_full_price_order
from summed
left join full_price on summed.customer_id = full_price.customer_id

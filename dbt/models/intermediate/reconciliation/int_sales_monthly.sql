with months as (

    select * from {{ ref('int_months') }}

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

orders as (

    select * from {{ ref('int_orders') }}
    where order_status = 'completed'

),

ordered as (

    select {{ month_of('order_date') }} as month, count(*) as orders_count
    from orders
    group by {{ month_of('order_date') }}

),

sold as (

    select
        {{ month_of('order_date') }} as month,
        sum(net_amount) as revenue_amount,
        sum(net_amount) filter (where customer_id is not null) as identified_revenue_amount,
        sum(discount_amount) as discount_amount
    from sale_lines
    group by {{ month_of('order_date') }}

)

select
    months.month,
    {{ money('coalesce(sold.revenue_amount, 0)') }} as revenue_amount,
    {{ money('coalesce(sold.identified_revenue_amount, 0)') }} as identified_revenue_amount,
    {{ money('coalesce(sold.discount_amount, 0)') }} as discount_amount,
    coalesce(ordered.orders_count, 0) as orders_count
from months
left join sold on months.month = sold.month
left join ordered on months.month = ordered.month

-- Products sum to the month's net sales, and a customer's months to the customer's net sales so far.
with product_months as (

    select month, sum(net_amount) as net_amount from {{ ref('fct_product_months') }} group by month

),

sales as (

    select * from {{ ref('rpt_sales_monthly') }}

),

customer_months as (

    select customer_id, sum(net_amount) as net_amount, sum(orders_count) as orders_count
    from {{ ref('fct_customer_months') }}
    group by customer_id

),

customers as (

    select * from {{ ref('dim_customers') }}

)

select 'products do not sum to the net sales of the month' as rule, {{ as_text('sales.month') }} as row_key
from sales
left join product_months on sales.month = product_months.month
where sales.net_amount <> coalesce(product_months.net_amount, 0)

union all

select 'months do not sum to the customer' as rule, customers.customer_id as row_key
from customers
left join customer_months on customers.customer_id = customer_months.customer_id
where
    customers.orders_count <> coalesce(customer_months.orders_count, 0)
    or customers.net_amount_lifetime <> coalesce(customer_months.net_amount, 0)

{#
  So that what is asked of customers by month reads some rows of a customer instead of every line.
#}
{%- set sums = ['net_amount', 'sales_net_amount', 'return_amount', 'gross_amount', 'discount_amount', 'margin_amount'] -%}
with customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

months as (

    select * from {{ ref('rpt_sales_monthly') }}

)

select
    customer_daily.customer_id,
    months.month,
    cast(sum(customer_daily.orders_count) as bigint) as orders_count,
    cast(sum(customer_daily.lines_count) as bigint) as lines_count,
    cast(sum(customer_daily.quantity) as decimal(18, 4)) as quantity,
    {%- for name in sums %}
    {{ money('sum(customer_daily.' ~ name ~ ')') }} as {{ name }},
    {%- endfor %}
    months.is_complete
from customer_daily
inner join months on {{ month_of('customer_daily.order_date') }} = months.month
group by customer_daily.customer_id, months.month, months.is_complete

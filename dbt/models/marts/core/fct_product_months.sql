-- So that what is asked of products by month reads some rows of a product instead of every line.
with sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

months as (

    select * from {{ ref('rpt_sales_monthly') }}

)

select
    months.month,
    coalesce(sale_lines.product_id, 'unknown') as product_id,
    coalesce(sale_lines.channel, 'unknown') as channel,
    count(*) filter (where not sale_lines.is_return) as sold_lines_count,
    cast(coalesce(sum(sale_lines.quantity) filter (where not sale_lines.is_return), 0) as decimal(18, 4)) as sold_quantity,
    cast(coalesce(sum(sale_lines.quantity) filter (where sale_lines.is_return), 0) as decimal(18, 4)) as return_quantity,
    {{ money('sum(sale_lines.net_amount)') }} as net_amount,
    {{ money('coalesce(sum(sale_lines.net_amount) filter (where not sale_lines.is_return), 0)') }} as sales_net_amount,
    {{ money('coalesce(sum(sale_lines.net_amount) filter (where sale_lines.is_return), 0)') }} as return_amount,
    {{ money('sum(sale_lines.discount_amount)') }} as discount_amount,
    {{ money('sum(sale_lines.margin_amount)') }} as margin_amount,
    months.is_complete
from sale_lines
inner join months on {{ month_of('sale_lines.order_date') }} = months.month
group by 1, 2, 3, months.is_complete

with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

recent as (

    select sale_lines.product_id, sum(sale_lines.net_amount) as net_amount
    from sale_lines
    inner join run_dates on sale_lines.order_date >= {{ add_days('run_dates.as_of_date', -364) }}
    where sale_lines.product_id is not null
    group by sale_lines.product_id

),

named as (

    select
        coalesce(products.product_name, recent.product_id) as product_name,
        coalesce(products.category, '') as category,
        count(*) as products_count,
        {{ money('sum(recent.net_amount)') }} as net_amount_365d
    from recent
    left join products on recent.product_id = products.product_id
    group by coalesce(products.product_name, recent.product_id), coalesce(products.category, '')

)

select
    product_name,
    category,
    products_count,
    row_number() over (order by net_amount_365d desc, product_name asc, category asc) as sales_rank,
    net_amount_365d,
    {{ rate('net_amount_365d', 'sum(net_amount_365d) over ()') }} as net_share_rate
from named

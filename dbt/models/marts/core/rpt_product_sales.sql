with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

named as (

    select
        coalesce(products.product_name, products.product_id) as product_name,
        coalesce(products.category, '') as category,
        count(*) as products_count,
        {{ money('sum(products.net_amount_365d)') }} as net_amount_365d
    from products
    inner join run_dates on products.last_sold_date >= {{ add_days('run_dates.as_of_date', -364) }}
    group by coalesce(products.product_name, products.product_id), coalesce(products.category, '')

)

select
    product_name,
    category,
    products_count,
    row_number() over (order by net_amount_365d desc, product_name asc, category asc) as sales_rank,
    net_amount_365d,
    {{ rate('net_amount_365d', 'sum(net_amount_365d) over ()') }} as net_share_rate
from named

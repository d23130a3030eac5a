-- So that what is asked of products by month reads some rows of a product instead of every line.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

summed as (

    select
        {{ month_of('order_date') }} as month,
        coalesce(product_id, 'unknown') as product_id,
        coalesce(channel, 'unknown') as channel,
        count(*) filter (where not is_return) as sold_lines_count,
        cast(coalesce(sum(quantity) filter (where not is_return), 0) as decimal(18, 4)) as sold_quantity,
        cast(coalesce(sum(quantity) filter (where is_return), 0) as decimal(18, 4)) as return_quantity,
        {{ money('sum(net_amount)') }} as net_amount,
        {{ money('coalesce(sum(net_amount) filter (where not is_return), 0)') }} as sales_net_amount,
        {{ money('coalesce(sum(net_amount) filter (where is_return), 0)') }} as return_amount,
        {{ money('sum(discount_amount)') }} as discount_amount,
        {{ money('sum(margin_amount)') }} as margin_amount
    from sale_lines
    group by 1, 2, 3

)

select
    summed.*,
    run_dates.as_of_date >= last_day(summed.month) as is_complete
from summed
cross join run_dates

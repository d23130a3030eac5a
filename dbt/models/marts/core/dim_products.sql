-- Every product that is described or was sold up to as_of_date; one that was sold without a description has no name.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

described as (

    select * from {{ accepted(ref('int_product_versions')) }}

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

sold as (

    select
        product_id,
        min(order_date) as first_sold_date,
        max(order_date) as last_sold_date,
        {{ money('sum(net_amount)') }} as net_amount,
        {{ money('coalesce(sum(net_amount) filter (where order_date >= run_dates.first_day), 0)') }} as net_amount_365d
    from sale_lines
    cross join (select {{ add_days('as_of_date', -364) }} as first_day from run_dates) as run_dates
    where product_id is not null
    group by product_id

)

select
    coalesce(described.product_id, sold.product_id) as product_id,
    described.product_name,
    described.category,
    described.brand,
    {{ money('described.unit_cost') }} as unit_cost_amount,
    sold.first_sold_date,
    sold.last_sold_date,
    coalesce(sold.net_amount, 0) as net_amount,
    coalesce(sold.net_amount_365d, 0) as net_amount_365d
from described
full outer join sold on described.product_id = sold.product_id

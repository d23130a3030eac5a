-- So that what is asked of customers by month reads some rows of a customer instead of every line.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

summed as (

    select
        customer_id,
        {{ month_of('order_date') }} as month,
        cast(sum(orders_count) as bigint) as orders_count,
        cast(sum(lines_count) as bigint) as lines_count,
        cast(sum(quantity) as decimal(18, 4)) as quantity,
        {%- for name in ['net_amount', 'sales_net_amount', 'return_amount', 'gross_amount', 'discount_amount', 'margin_amount'] %}
        {{ money('sum(' ~ name ~ ')') }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from customer_daily
    group by 1, 2

)

select
    summed.*,
    run_dates.as_of_date >= last_day(summed.month) as is_complete
from summed
cross join run_dates

with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

sales as (

    select * from {{ ref('int_sales_monthly') }}

),

compared as (

    select
        sales.month,
        sales.revenue_amount as net_amount,
        sales.identified_revenue_amount as identified_net_amount,
        sales.orders_count,
        last_day(sales.month) <= run_dates.as_of_date as is_complete,
        lag(sales.revenue_amount) over (order by sales.month) as previous_net_amount
    from sales
    cross join run_dates

)

select
    month,
    net_amount,
    identified_net_amount,
    {{ rate('identified_net_amount', 'net_amount') }} as identified_rate,
    orders_count,
    is_complete,
    case when is_complete and previous_net_amount > 0 then {{ rate('net_amount - previous_net_amount', 'previous_net_amount') }} end
        as net_change_rate
from compared

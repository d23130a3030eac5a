{%- set year_from, year_before_from = add_days('run_dates.as_of_date', -364), add_days('run_dates.as_of_date', -729) -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_rfm as (

    select * from {{ ref('fct_customer_rfm') }}
    where rfm_window = 'lifetime' and as_of_date = (select as_of_date from run_dates)

),

valid_orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

sales as (

    select
        sum(sale_lines.net_amount) as net_amount_so_far,
        coalesce(sum(sale_lines.net_amount) filter (where sale_lines.customer_id is not null), 0) as identified_amount,
        coalesce(sum(sale_lines.net_amount) filter (where sale_lines.order_date >= {{ year_from }}), 0) as net_amount,
        coalesce(sum(sale_lines.net_amount) filter (
            where sale_lines.order_date < {{ year_from }} and sale_lines.order_date >= {{ year_before_from }}
        ), 0) as net_amount_before,
        min(sale_lines.order_date) as first_date
    from sale_lines
    cross join run_dates

),

orders as (

    select count(*) as orders_count, {{ money('coalesce(sum(valid_orders.net_amount), 0)') }} as order_amount
    from valid_orders
    inner join run_dates on valid_orders.order_date >= {{ year_from }}

),

ranked as (

    select
        *,
        row_number() over (order by monetary_amount desc) * 5 <= count(*) over () as is_best_fifth
    from customer_rfm

),

customers as (

    select
        count(activity_status) as buyers_count,
        count(*) filter (where activity_status in ('active', 'reactivated')) as active_count,
        count(*) filter (where activity_status = 'at_risk') as at_risk_count,
        count(*) filter (where activity_status = 'lapsed') as lapsed_count,
        sum(monetary_amount) filter (where is_best_fifth) as best_fifth_amount,
        sum(monetary_amount) as customers_amount
    from ranked

)

select
    run_dates.as_of_date,
    {{ money('coalesce(sales.net_amount_so_far, 0)') }} as net_amount,
    {{ rate('sales.identified_amount', 'sales.net_amount_so_far') }} as identified_rate,
    {{ money('sales.net_amount') }} as net_amount_365d,
    case when sales.first_date <= {{ year_before_from }} and sales.net_amount_before > 0 then
        {{ rate('sales.net_amount - sales.net_amount_before', 'sales.net_amount_before') }}
    end as net_change_rate_365d,
    orders.orders_count as orders_count_365d,
    {{ exact_average('orders.order_amount', 'orders.orders_count') }} as average_order_amount_365d,
    customers.buyers_count,
    customers.active_count,
    {{ rate('customers.active_count', 'customers.buyers_count') }} as active_share_rate,
    {{ rate('customers.at_risk_count', 'customers.buyers_count') }} as at_risk_share_rate,
    {{ rate('customers.lapsed_count', 'customers.buyers_count') }} as lapsed_share_rate,
    {{ rate('customers.best_fifth_amount', 'customers.customers_amount') }} as best_fifth_net_share_rate
from run_dates
cross join sales
cross join orders
cross join customers

{#
  The only history that marts scan: the business days on which a customer bought or returned something. A return of a known
  order is the order's customer's, whoever brought it back, and none where the order does not count.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

order_days as (

    select * from {{ resolved(ref('int_order_days')) }}
    where customer_id is not null and order_status = 'completed' and order_date <= (select as_of_date from run_dates)

),

orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

),

valid_orders as (

    select
        customer_id,
        order_date,
        count(*) as orders_count,
        {{ money('sum(net_amount_on_order_date)') }} as valid_net_amount,
        min(channel) as channel
    from orders
    group by customer_id, order_date

),

moved_returns as (

    select * from {{ ref('int_moved_returns') }}

),

counted as (

    select
        customer_id,
        order_date,
        net_amount,
        return_amount,
        gross_amount,
        discount_amount,
        margin_amount,
        return_margin_amount,
        quantity,
        sale_lines_count
    from order_days

    union all

    select customer_id, order_date, 0, return_amount, 0, 0, 0, return_margin_amount, 0, 0
    from moved_returns

),

amounts as (

    select
        customer_id,
        order_date,
        {{ money('sum(net_amount + return_amount)') }} as net_amount,
        {{ money('sum(net_amount)') }} as sales_net_amount,
        {{ money('sum(return_amount)') }} as return_amount,
        {{ money('sum(gross_amount)') }} as gross_amount,
        {{ money('sum(discount_amount)') }} as discount_amount,
        {{ money('sum(margin_amount + return_margin_amount)') }} as margin_amount,
        {{ money('sum(margin_amount)') }} as sales_margin_amount,
        cast(sum(quantity) as decimal(18, 4)) as quantity,
        cast(sum(sale_lines_count) as bigint) as lines_count
    from counted
    group by customer_id, order_date

)

select
    coalesce(amounts.customer_id, valid_orders.customer_id) as customer_id,
    coalesce(amounts.order_date, valid_orders.order_date) as order_date,
    coalesce(valid_orders.orders_count, 0) as orders_count,
    valid_orders.orders_count is not null as has_valid_order,
    valid_orders.channel,
    coalesce(valid_orders.valid_net_amount, 0) as valid_net_amount,
    {%- for name in ['net_amount', 'sales_net_amount', 'return_amount', 'gross_amount', 'discount_amount', 'margin_amount',
        'sales_margin_amount', 'quantity', 'lines_count'] %}
    coalesce(amounts.{{ name }}, 0) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from amounts
full outer join valid_orders
    on amounts.customer_id = valid_orders.customer_id and amounts.order_date = valid_orders.order_date

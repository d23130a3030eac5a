{#
  A return stands in the month and the channel of the order it belongs to, and under its own product. Rates look at every sale of
  a month for the same days. A return of no known order has no month of sale: it is shown in its own month, and in no rate.
#}
{%- set horizons = [30, 90] -%}
{%- set returns = ['return_quantity', 'return_amount', 'return_quantity_30d', 'return_amount_30d', 'return_quantity_90d',
    'return_amount_90d', 'assumed_date_return_amount', 'unlinked_return_amount'] -%}
with sale_lines as {{ computed_anew() }} (

    select * from {{ ref('int_sale_lines') }}

),

orders as (

    select * from {{ ref('int_orders') }}

),

returned_lines as (

    select
        coalesce(orders.order_date, sale_lines.order_date) as sale_date,
        sale_lines.product_id,
        coalesce(orders.channel, sale_lines.channel) as channel,
        sale_lines.quantity,
        sale_lines.net_amount,
        sale_lines.is_return_date_assumed,
        orders.order_id is not null as is_linked,
        {{ days_between('sale_lines.order_date', 'orders.order_date') }} as age_days
    from sale_lines
    left join orders on sale_lines.returned_order_id = orders.order_id
    where sale_lines.is_return

)

select
    {{ month_of('order_date') }} as month,
    product_id,
    channel,
    false as is_return,
    count(*) as sold_lines_count,
    {{ money('sum(quantity)') }} as sold_quantity,
    {{ money('sum(net_amount)') }} as sold_net_amount,
    {%- for name in returns %}
    {{ money('0') }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from sale_lines
where not is_return
group by 1, 2, 3, 4

union all

select
    {{ month_of('sale_date') }} as month,
    product_id,
    channel,
    true as is_return,
    0 as sold_lines_count,
    {{ money('0') }} as sold_quantity,
    {{ money('0') }} as sold_net_amount,
    {{ money('sum(quantity) filter (where is_linked)') }} as return_quantity,
    {{ money('sum(net_amount) filter (where is_linked)') }} as return_amount,
    {%- for days in horizons %}
    {{ money('sum(quantity) filter (where age_days <= ' ~ days ~ ')') }} as return_quantity_{{ days }}d,
    {{ money('sum(net_amount) filter (where age_days <= ' ~ days ~ ')') }} as return_amount_{{ days }}d,
    {%- endfor %}
    {{ money('sum(net_amount) filter (where is_linked and is_return_date_assumed)') }} as assumed_date_return_amount,
    {{ money('sum(net_amount) filter (where not is_linked)') }} as unlinked_return_amount
from returned_lines
group by 1, 2, 3, 4

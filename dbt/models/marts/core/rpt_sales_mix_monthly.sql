{#
  Sales stand on their day and in the class of their order: a customer's first valid one (new), a later one (returning), one
  of nobody known (guest). A return has the class and the channel of the order it belongs to. What belongs to no such
  order is unlinked: returns of orders that nobody knows, and documents of customers that are worth nothing.
#}
{%- set classes = ['new', 'returning', 'guest', 'unlinked'] -%}
{%- set amounts = ['net_amount', 'margin_amount', 'discount_amount'] -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

months as (

    select * from {{ ref('rpt_sales_monthly') }}

),

sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

orders as (

    select
        order_id,
        customer_id,
        {{ month_of('order_date') }} as month,
        coalesce(channel, 'unknown') as channel,
        case
            when order_number = 1 then 'new'
            when order_number > 1 then 'returning'
            when customer_id is null then 'guest'
            else 'unlinked'
        end as sales_class
    from {{ ref('fct_orders') }}
    where order_status = 'completed'

),

entries as (

    select
        {{ month_of('sale_lines.order_date') }} as month,
        coalesce(orders.channel, sale_lines.channel, 'unknown') as channel,
        coalesce(orders.sales_class, 'unlinked') as sales_class,
        {%- for amount in amounts %}
        sum(sale_lines.{{ amount }}) as {{ amount }}{{ ',' if not loop.last }}
        {%- endfor %}
    from sale_lines
    left join orders
        on case when sale_lines.is_return then sale_lines.returned_order_id else sale_lines.order_id end = orders.order_id
    group by 1, 2, 3

),

summed as (

    select
        month,
        channel,
        grouping(channel) = 1 as is_all_channels,
        {%- for amount in amounts %}
        sum({{ amount }}) as {{ amount }},
        {%- for class in classes %}
        sum({{ amount }}) filter (where sales_class = '{{ class }}') as {{ class }}_{{ amount }}{{ ',' if not loop.last }}
        {%- endfor %}{{ ',' if not loop.last }}
        {%- endfor %}
    from entries
    group by grouping sets ((month), (month, channel))

),

counted as (

    select
        month,
        channel,
        grouping(channel) = 1 as is_all_channels,
        count(*) as orders_count,
        {%- for class in classes %}
        count(*) filter (where sales_class = '{{ class }}') as {{ class }}_orders_count,
        {%- endfor %}
        count(distinct customer_id) filter (where sales_class in ('new', 'returning')) as customers_count,
        count(distinct customer_id) filter (where sales_class = 'returning') as returning_customers_count
    from orders
    group by grouping sets ((month), (month, channel))

),

-- every channel has every month, and all of them together have theirs before anything is sold
channels as (

    select distinct channel, false as is_all_channels from entries
    union all
    select 'all' as channel, true as is_all_channels

)

select
    months.month,
    channels.channel,
    channels.is_all_channels,
    {%- for name in ['orders_count', 'customers_count', 'new_orders_count', 'returning_orders_count', 'guest_orders_count',
        'unlinked_orders_count', 'returning_customers_count'] %}
    coalesce(counted.{{ name }}, 0) as {{ name }},
    {%- endfor %}
    -- a first order is one customer's
    coalesce(counted.new_orders_count, 0) as new_customers_count,
    {%- for amount in amounts %}
    {{ money('coalesce(summed.' ~ amount ~ ', 0)') }} as {{ amount }},
    {%- for class in classes %}
    {{ money('coalesce(summed.' ~ class ~ '_' ~ amount ~ ', 0)') }} as {{ class }}_{{ amount }},
    {%- endfor %}
    {%- endfor %}
    months.is_complete,
    {%- for class in classes %}
    case when months.is_complete and summed.net_amount > 0
        then {{ rate('coalesce(summed.' ~ class ~ '_net_amount, 0)', 'summed.net_amount') }} end as {{ class }}_net_share_rate,
    {%- endfor %}
    case when months.is_complete and summed.net_amount + summed.discount_amount > 0
        then {{ rate('summed.discount_amount', 'summed.net_amount + summed.discount_amount') }} end as discount_rate,
    coalesce(counted.orders_count, 0) < 30 as is_small,
    {{ days_between('months.month', 'run_dates.data_from') }} < 2 * {{ var('churn_horizon_days') }} as is_left_truncated
from months
cross join run_dates
cross join channels
left join summed
    on months.month = summed.month
    and channels.is_all_channels = summed.is_all_channels
    and (channels.is_all_channels or channels.channel = summed.channel)
left join counted
    on months.month = counted.month
    and channels.is_all_channels = counted.is_all_channels
    and (channels.is_all_channels or channels.channel = counted.channel)

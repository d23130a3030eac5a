-- Whole ISO weeks of the data's complete days, by channel and for all channels together; a week of nothing is all zeros.
with sales as (

    select * from {{ ref('int_sales_daily') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

weeks as (

    select date_day as week
    from ({{ days_from_to('(select data_from from run_dates)', '(select ' ~ add_days('data_through', -6) ~ ' from run_dates)') }}) as days
    where {{ iso_weekday('date_day') }} = 1

),

channels as (

    select distinct channel, false as is_all_channels from sales
    union all
    select 'all' as channel, true as is_all_channels

)

select
    weeks.week,
    channels.channel,
    channels.is_all_channels,
    {%- for name in ['orders_count', 'new_customers_count', 'discounted_orders_count', 'returned_lines_count'] %}
    cast(coalesce(sum(sales.{{ name }}), 0) as bigint) as {{ name }},
    {%- endfor %}
    {%- for name in ['ordered_amount', 'gross_amount', 'discount_amount', 'net_amount', 'sold_amount', 'returned_amount'] %}
    {{ money('coalesce(sum(sales.' ~ name ~ '), 0)') }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from weeks
cross join channels
left join sales
    on sales.date_day between weeks.week and {{ add_days('weeks.week', 6) }}
    and (channels.is_all_channels or sales.channel = channels.channel)
group by weeks.week, channels.channel, channels.is_all_channels

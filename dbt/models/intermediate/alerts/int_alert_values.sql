{#
  The series that are watched, a row a day from the first on which the source and channel brought something. What a value
  rests on says whether it can be judged: a rate rests on what it is the rate of, since a handful of returns a day says
  little of all sales. An average or a rate of nothing is NULL.
#}
{%- set measures = [
    ('net_sales', 'net_amount', 'orders_count', false),
    ('orders', 'orders_count', 'orders_count', true),
    ('new_customers', 'new_customers_count', 'new_customers_count', true),
    ('average_order', rate('ordered_amount', 'orders_count'), 'orders_count', false),
    ('discount_rate', rate('discount_amount', 'gross_amount'), 'discounted_orders_count', false),
    ('return_rate', rate('returned_amount', 'sold_amount'), 'returned_lines_count', false),
] -%}
with days as (

    select * from {{ ref('int_alert_days') }}

),

sales as (

    select * from {{ ref('int_sales_daily') }}

),

delivered as (

    select * from {{ ref('int_rows_daily') }}

),

sales_series as (

    select source, channel, min(date_day) as first_day
    from sales
    group by source, channel

),

row_series as (

    select source, min(date_day) as first_day
    from delivered
    group by source

),

sales_days as (

    select
        sales_series.source,
        sales_series.channel,
        days.date_day,
        {%- for name in ['orders_count', 'new_customers_count', 'discounted_orders_count', 'returned_lines_count',
            'ordered_amount', 'gross_amount', 'discount_amount', 'net_amount', 'sold_amount', 'returned_amount'] %}
        coalesce(sales.{{ name }}, 0) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from sales_series
    inner join days on sales_series.first_day <= days.date_day
    left join sales
        on sales_series.source = sales.source and sales_series.channel = sales.channel and days.date_day = sales.date_day

),

row_days as (

    select
        row_series.source,
        days.date_day,
        coalesce(delivered.rows_count, 0) as rows_count,
        coalesce(delivered.rejected_count, 0) as rejected_count
    from row_series
    inner join days on row_series.first_day <= days.date_day
    left join delivered on row_series.source = delivered.source and days.date_day = delivered.date_day

)

{% for series, value, rests_on, is_count in measures %}
select
    '{{ series }}' as series,
    source,
    channel,
    date_day,
    cast({{ value }} as double) as value,
    {{ rests_on }} as rests_on_count,
    {{ is_count }} as is_count
from sales_days
union all
{% endfor %}
select 'rows_read', source, 'all', date_day, cast(rows_count as double), rows_count, true
from row_days
union all
select 'rows_rejected', source, 'all', date_day, cast(rejected_count as double), rows_count, true
from row_days

{%- set horizons = [30, 90] -%}
{%- set sums = ['sold_lines_count', 'sold_quantity', 'sold_net_amount', 'return_quantity', 'return_amount', 'return_quantity_30d',
    'return_amount_30d', 'return_quantity_90d', 'return_amount_90d', 'assumed_date_return_amount', 'unlinked_return_amount'] -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

months as (

    select * from {{ ref('int_months') }}

),

product_returns as (

    select * from {{ ref('int_product_returns_monthly') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

product_sales as (

    select product_id, sum(sold_net_amount) as sold_net_amount
    from product_returns
    where product_id is not null
    group by product_id

),

best_sellers as (

    select product_id
    from product_sales
    qualify row_number() over (order by sold_net_amount desc, product_id asc) <= 200

),

grouped as (

    select
        product_returns.*,
        coalesce(products.category, 'unknown') as category_name,
        case when product_returns.product_id is null then 'unknown' else coalesce(best_sellers.product_id, 'other') end as product_name,
        coalesce(product_returns.channel, 'unknown') as channel_name
    from product_returns
    left join products on product_returns.product_id = products.product_id
    left join best_sellers on product_returns.product_id = best_sellers.product_id

),

summed as (

    select
        month,
        case
            when grouping(category_name) = 0 then 'category'
            when grouping(product_name) = 0 then 'product'
            when grouping(channel_name) = 0 then 'channel'
            else 'all'
        end as group_kind,
        coalesce(category_name, product_name, channel_name, 'all') as group_value,
        {%- for name in sums %}
        sum({{ name }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from grouped
    group by grouping sets ((month), (month, category_name), (month, product_name), (month, channel_name))

),

-- all of a month has a row, also where nothing was sold
filled as (

    select * from summed

    union all

    select month, 'all' as group_kind, 'all' as group_value, {% for name in sums %}{{ 0 if loop.first else money('0') }} as {{ name }}{{ ', ' if not loop.last }}{% endfor %}
    from months
    where month not in (select month from summed)

),

known as (

    select
        coalesce(sum(return_amount), 0) <> 0 or coalesce(sum(return_quantity), 0) <> 0 as has_linked_returns,
        coalesce(sum(unlinked_return_amount), 0) <> 0 as has_unlinked_returns
    from filled
    where group_kind = 'all'

),

explained as (

    select
        filled.month,
        filled.group_kind,
        filled.group_value,
        cast(filled.sold_lines_count as bigint) as sold_lines_count,
        {%- for name in sums[1:] %}
        cast(coalesce(filled.{{ name }}, 0) as decimal(18, 4)) as {{ name }},
        {%- endfor %}
        {%- for days in horizons %}
        {{ add_days('last_day(filled.month)', days) }} <= run_dates.data_through as is_complete_{{ days }}d,
        {%- endfor %}
        filled.sold_lines_count < 30 as is_small,
        case
            when filled.sold_lines_count = 0 then 'no_sales'
            when known.has_linked_returns then 'ok'
            when known.has_unlinked_returns then 'returns_not_linked'
            else 'no_returns'
        end as status
    from filled
    cross join known
    cross join run_dates

)

select
    month,
    group_kind,
    group_value,
    {{ sums | join(',\n    ') }},
    {%- for days in horizons %}
    is_complete_{{ days }}d,
    case when status = 'ok' and is_complete_{{ days }}d then {{ rate('-return_amount_' ~ days ~ 'd', 'sold_net_amount') }} end
        as return_rate_{{ days }}d,
    case when status = 'ok' and is_complete_{{ days }}d then {{ rate('-return_quantity_' ~ days ~ 'd', 'sold_quantity') }} end
        as return_quantity_rate_{{ days }}d,
    {%- endfor %}
    {{ rate('-assumed_date_return_amount', '-return_amount') }} as assumed_return_date_rate,
    is_small,
    status
from explained

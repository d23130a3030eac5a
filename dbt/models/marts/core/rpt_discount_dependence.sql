{%- set groups = [('all', 'all'), ('discount_class', 'never'), ('discount_class', 'sometimes'), ('discount_class', 'mostly'),
    ('discount_class', 'only'), ('discount_class', 'one_order'), ('first_order', 'discounted'), ('first_order', 'full_price')] -%}
{%- set horizons = [90, 180] -%}
{%- set sums = ['customers_count', 'orders_count', 'discounted_orders_count', 'gross_amount', 'discount_amount', 'net_amount',
    'margin_amount', 'mature_customers_count_90d', 'full_price_customers_count_90d', 'mature_customers_count_180d',
    'full_price_customers_count_180d'] -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_discounts as (

    select * from {{ ref('fct_customer_discounts') }}

),

-- a group without customers has a row that says so
customer_groups as (

    {% for kind, value in groups -%}
    select {{ loop.index }} as group_rank, '{{ kind }}' as group_kind, '{{ value }}' as group_value{{ ' union all' if not loop.last }}
    {% endfor %}

),

aged as (

    select
        customer_discounts.*,
        case when customer_discounts.is_first_order_discounted then 'discounted' else 'full_price' end as first_order,
        {{ days_between('run_dates.data_through', 'customer_discounts.first_order_date') }} as age_days
    from customer_discounts
    cross join run_dates

),

summed as (

    select
        case
            when grouping(discount_class) = 0 then 'discount_class'
            when grouping(first_order) = 0 then 'first_order'
            else 'all'
        end as group_kind,
        coalesce(discount_class, first_order, 'all') as group_value,
        count(*) as customers_count,
        sum(orders_count) as orders_count,
        sum(discounted_orders_count) as discounted_orders_count,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(net_amount) as net_amount,
        sum(margin_amount) as margin_amount,
        {%- for days in horizons %}
        count(*) filter (where age_days >= {{ days }}) as mature_customers_count_{{ days }}d,
        count(*) filter (where age_days >= {{ days }} and days_to_full_price_order <= {{ days }})
            as full_price_customers_count_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from aged
    group by grouping sets ((), (discount_class), (first_order))

),

filled as (

    select
        customer_groups.*,
        {%- for name in sums %}
        coalesce(summed.{{ name }}, 0) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from customer_groups
    left join summed
        on customer_groups.group_kind = summed.group_kind and customer_groups.group_value = summed.group_value

),

compared as (

    select
        *,
        max(customers_count) over () as all_customers_count,
        max(discounted_orders_count) over () as all_discounted_orders_count,
        max(case when group_kind = 'all' then net_amount end) over () as all_net_amount
    from filled

)

select
    group_kind,
    group_value,
    group_rank,
    customers_count,
    {{ rate('customers_count', 'all_customers_count') }} as customers_share_rate,
    cast(orders_count as bigint) as orders_count,
    cast(discounted_orders_count as bigint) as discounted_orders_count,
    {{ rate('discounted_orders_count', 'orders_count') }} as discounted_orders_rate,
    {{ money('gross_amount') }} as gross_amount,
    {{ money('discount_amount') }} as discount_amount,
    {{ rate('discount_amount', 'gross_amount') }} as discount_rate,
    {{ money('net_amount') }} as net_amount,
    case when all_net_amount > 0 then {{ rate('net_amount', 'all_net_amount') }} end as net_share_rate,
    {{ money('margin_amount') }} as margin_amount,
    {%- for days in horizons %}
    mature_customers_count_{{ days }}d,
    full_price_customers_count_{{ days }}d,
    {{ rate('full_price_customers_count_' ~ days ~ 'd', 'mature_customers_count_' ~ days ~ 'd') }} as full_price_rate_{{ days }}d,
    {%- endfor %}
    customers_count < 30 as is_small,
    case
        when all_customers_count = 0 then 'no_orders'
        when all_discounted_orders_count = 0 then 'no_discounts'
        when customers_count = 0 then 'no_customers'
        else 'ok'
    end as status
from compared

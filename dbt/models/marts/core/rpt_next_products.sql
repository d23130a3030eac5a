with next_items as (

    select * from {{ ref('int_next_items') }}

),

of_one as (

    select
        *,
        sum(reached_orders_count) over (partition by group_kind, from_order_number, from_value) = from_orders_count
            as is_exclusive
    from next_items
    where from_value is not null

),

of_all as (

    select *, {{ rate('reached_orders_count', 'from_orders_count') }} as reached_rate
    from next_items
    where from_value is null

)

select
    of_one.group_kind,
    of_one.from_order_number,
    of_one.from_value,
    of_one.to_value,
    of_one.from_orders_count,
    of_one.customers_count,
    of_one.reached_orders_count,
    {{ rate('of_one.reached_orders_count', 'of_one.from_orders_count') }} as reached_rate,
    {%- for side, sign in [('low', '-'), ('high', '+')] %}
    case when of_one.from_order_number <> '3+' then
        {{ wilson_end('of_one.reached_orders_count', 'of_one.from_orders_count', sign) }}
    end as reached_{{ side }},
    {%- endfor %}
    of_all.reached_rate as all_reached_rate,
    of_one.median_days,
    of_one.is_exclusive,
    of_one.customers_count < 30 as is_small
from of_one
inner join of_all
    on of_one.group_kind = of_all.group_kind
    and of_one.from_order_number = of_all.from_order_number
    and of_one.to_value = of_all.to_value

{#
  What was in a customer's next order within 180 days, by what was in the order before: one row per from_value, NULL for
  every order whatever was in it, and to_value, which is no_next_order where none came in time. Only orders that are 180
  days old are looked at.
#}
with journey_items as (

    select * from {{ ref('int_journey_items') }}

),

numbered_orders as (

    select *, {{ days_between('next_order_date', 'order_date') }} as days_to_next
    from {{ ref('int_numbered_orders') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

from_orders as (

    select
        numbered_orders.order_id,
        numbered_orders.customer_id,
        case when numbered_orders.order_number < 3 then {{ as_text('numbered_orders.order_number') }} else '3+' end
            as from_order_number,
        case when numbered_orders.days_to_next <= 180 then numbered_orders.next_order_id end as next_order_id,
        case when numbered_orders.days_to_next <= 180 then numbered_orders.days_to_next end as days_to_next
    from numbered_orders
    cross join run_dates
    where {{ days_between('run_dates.data_through', 'numbered_orders.order_date') }} >= 180

),

kinds as (

    select distinct group_kind
    from journey_items

),

departures as (

    select from_orders.*, journey_items.group_kind, journey_items.group_value as from_value
    from from_orders
    inner join journey_items on from_orders.order_id = journey_items.order_id
    where journey_items.group_value not in ('unknown', 'other')

    union all

    select from_orders.*, kinds.group_kind, cast(null as {{ dbt.type_string() }}) as from_value
    from from_orders
    cross join kinds

),

departed as (

    select
        group_kind,
        from_order_number,
        from_value,
        count(*) as from_orders_count,
        count(distinct customer_id) as customers_count
    from departures
    group by group_kind, from_order_number, from_value

),

reached as (

    select
        departures.group_kind,
        departures.from_order_number,
        departures.from_value,
        coalesce(journey_items.group_value, 'no_next_order') as to_value,
        count(*) as reached_orders_count,
        median(departures.days_to_next) as median_days
    from departures
    left join journey_items
        on departures.next_order_id = journey_items.order_id and departures.group_kind = journey_items.group_kind
    group by 1, 2, 3, 4

)

select reached.*, departed.from_orders_count, departed.customers_count
from reached
inner join departed
    on reached.group_kind = departed.group_kind
    and reached.from_order_number = departed.from_order_number
    and reached.from_value is not distinct from departed.from_value

{#
  One row per lot of points up to as_of_date: those of an order, floor(rate * net_amount) at the rate of the tier held
  when the day starts, or those of a positive adjustment. Lots are numbered by customer in the order of their issue,
  which is also the order in which they expire. Points of an order are pending until its return window has closed.
#}
{%- set far = date_or_null('9999-12-31') -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

rules as (

    select * from {{ ref('int_tier_rules') }}

),

tiers as (

    select
        customer_id,
        tier_rank,
        valid_from,
        coalesce(lead(valid_from) over (partition by customer_id order by valid_from), {{ far }}) as valid_to
    from {{ ref('int_tier_states') }}

),

orders as (

    select orders.order_id, orders.customer_id, orders.order_date, orders.net_amount, coalesce(tiers.tier_rank, 1) as tier_rank
    from {{ ref('int_orders') }} as orders
    left join tiers
        on orders.customer_id = tiers.customer_id
        and orders.order_date > tiers.valid_from
        and orders.order_date <= tiers.valid_to
    where orders.is_valid and orders.order_date <= (select as_of_date from run_dates)

),

earned as (

    select
        'order' as source,
        orders.order_id as source_id,
        orders.customer_id,
        orders.order_date as issued_on,
        {{ add_days('orders.order_date', setting('points', 'return_window_days') ~ ' + 1') }} as available_on,
        orders.net_amount,
        rules.earn_rate,
        cast(floor(rules.earn_rate * orders.net_amount) as bigint) as earned_points
    from orders
    inner join rules
        on orders.tier_rank = rules.tier_rank
        and orders.order_date >= rules.valid_from
        and orders.order_date < rules.valid_to

    union all

    select
        'adjustment' as source,
        adjustment_id as source_id,
        customer_id,
        {{ business_date('adjusted_at') }} as issued_on,
        {{ business_date('adjusted_at') }} as available_on,
        cast(null as decimal(18, 4)) as net_amount,
        cast(null as decimal(9, 4)) as earn_rate,
        points as earned_points
    from {{ accepted(ref('int_point_adjustment_versions')) }} as adjustments
    where {{ business_date('adjusted_at') }} <= (select as_of_date from run_dates)

)

select
    customer_id,
    row_number() over (partition by customer_id order by issued_on, source, source_id) as lot_number,
    source,
    source_id,
    issued_on,
    available_on,
    last_day({{ add_months('issued_on', setting('points', 'expiry_months')) }}) as expires_on,
    net_amount,
    earn_rate,
    earned_points
from earned
where earned_points > 0

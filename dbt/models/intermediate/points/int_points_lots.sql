{#
  A lot is the points of an order, floor(rate * net_amount) at the rate of the tier held when the day starts, or those of
  a positive adjustment. Lots are numbered by customer in the order of their issue, which is also the order in which they
  expire. Points of an order are pending until its return window has closed, and do not expire before.
#}
with valid_orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

),

tiers as (

    -- an open end would keep DuckDB from joining by ranges
    select *, coalesce(valid_to, {{ date_or_null('9999-12-31') }}) as held_until
    from {{ ref('int_customer_tiers') }}

),

rules as (

    select * from {{ ref('int_tier_rules') }}

),

adjustments as (

    select * from {{ ref('int_point_adjustments') }}

),

members as (

    select * from {{ ref('int_customers') }}

),

ranked as (

    select valid_orders.*, coalesce(tiers.tier_rank, 1) as tier_rank
    from valid_orders
    {%- if setting('points', 'earns_from') == 'joined_at' %}
    inner join members
        on valid_orders.customer_id = members.customer_id
        and valid_orders.order_date >= {{ business_date('members.joined_at') }}
    {%- endif %}
    left join tiers
        on valid_orders.customer_id = tiers.customer_id
        and valid_orders.order_date > tiers.valid_from
        and valid_orders.order_date <= tiers.held_until

),

issued as (

    select
        'order' as source,
        ranked.order_id as source_id,
        ranked.customer_id,
        ranked.order_date as issued_on,
        {{ add_days('ranked.order_date', setting('points', 'return_window_days') ~ ' + 1') }} as available_on,
        ranked.net_amount,
        rules.earn_rate,
        cast(floor(rules.earn_rate * cast(ranked.net_amount as decimal(22, 4))) as bigint) as earned_points
    from ranked
    inner join rules
        on ranked.tier_rank = rules.tier_rank
        and ranked.order_date >= rules.valid_from
        and ranked.order_date < rules.valid_to

    union all

    select
        'adjustment' as source,
        adjustment_id as source_id,
        customer_id,
        adjusted_on as issued_on,
        adjusted_on as available_on,
        cast(null as decimal(18, 4)) as net_amount,
        cast(null as decimal(9, 4)) as earn_rate,
        points as earned_points
    from adjustments

)

select
    customer_id,
    cast(row_number() over (partition by customer_id order by issued_on, source, source_id) as bigint) as lot_number,
    source,
    source_id,
    issued_on,
    available_on,
    greatest(last_day({{ add_months('issued_on', setting('points', 'expiry_months')) }}), available_on) as expires_on,
    net_amount,
    earn_rate,
    earned_points
from issued
where earned_points > 0

{#
  What was taken back of each lot, released, used, has expired, and remains, as of as_of_date. Lots of customers who never
  used or owed points lose what returns take from them, and else expire whole.
#}
with lots as (

    select * from {{ ref('int_points_lot_positions') }}

),

steps as (

    select * from {{ ref('int_points_steps') }}

),

moved as (

    select customer_id, {{ unnested('used') }} as share, 1 as sign
    from steps

    union all

    select customer_id, {{ unnested('given') }} as share, -1 as sign
    from steps

),

used as (

    select customer_id, share.lot_number as lot_number, cast(sum(sign * share.points) as bigint) as points
    from moved
    where share.lot_number is not null
    group by customer_id, share.lot_number

),

reversed as (

    select customer_id, lot_number, cast(sum(reversed_points) as bigint) as points
    from steps
    where lot_number is not null
    group by customer_id, lot_number

),

users as (

    select distinct customer_id from steps

),

balanced as (

    select
        lots.*,
        coalesce(used.points, 0) as used_points,
        lots.pending_reversed_points + case
            when users.customer_id is null then lots.available_reversed_points
            else coalesce(reversed.points, 0)
        end as reversed_points
    from lots
    left join users on lots.customer_id = users.customer_id
    left join used on lots.customer_id = used.customer_id and lots.lot_number = used.lot_number
    left join reversed on lots.customer_id = reversed.customer_id and lots.lot_number = reversed.lot_number

)

select
    customer_id,
    lot_number,
    source,
    source_id,
    issued_on,
    available_on,
    expires_on,
    expired_on,
    is_expired,
    is_available,
    net_amount,
    earn_rate,
    earned_points,
    cast(reversed_points as bigint) as reversed_points,
    released_points,
    cast(case when is_expired then earned_points - reversed_points - used_points else 0 end as bigint) as expired_points,
    cast(used_points as bigint) as used_points,
    cast(case when is_expired then 0 else earned_points - reversed_points - used_points end as bigint) as remaining_points
from balanced

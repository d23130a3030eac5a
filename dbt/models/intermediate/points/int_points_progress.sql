{#
  How far each customer has got, in time: after each expiry of a lot and each use of points. Points are used oldest first,
  so one number says it: of the points ever available, in the order of the lots, the first so-and-so many are consumed.
  Using points moves the number on by as many; the expiry of a lot moves it to the lot's end, unless it is there already.
  `excess` is what a lot still has when it expires by the points used before.
#}
with lots as (

    select * from {{ ref('int_points_lot_positions') }}

),

spent as (

    select * from {{ ref('int_points_spent') }}

),

owed as (

    select * from {{ ref('int_points_reversals') }}
    where lot_number is null

),

used as (

    select customer_id, spent_on as used_on, points from spent
    union all
    select customer_id, reversed_on, points from owed

),

-- in time: on a day, lots expire before points are used
events as (

    select customer_id, expired_on as moved_on, lot_number, last_point, cast(0 as bigint) as used_points
    from lots
    where is_expired

    union all

    select customer_id, used_on, null, null, cast(sum(points) as bigint)
    from used
    group by customer_id, used_on

)

select
    customer_id,
    moved_on,
    lot_number,
    last_point - sum(used_points) over history as excess,
    sum(used_points) over (partition by customer_id) as used_in_all
from events
window history as (
    partition by customer_id
    order by moved_on, lot_number nulls last
    rows between unbounded preceding and current row
)

{#
  What was taken back of each lot, released, used, has expired, and remains, as of as_of_date. Lots expire in their order,
  so with e, the excess of a lot at its expiry (see int_points_progress), what expires of it is
  max(0, e - max(0, largest e of the lots before)). If more is consumed than was ever available the balance is negative,
  and the points of later lots are consumed before they can be used.
#}
with lots as (

    select * from {{ ref('int_points_lot_positions') }}

),

progress as (

    select * from {{ ref('int_points_progress') }}

),

expiries as (

    select
        customer_id,
        lot_number,
        greatest(excess - greatest(coalesce(max(excess) over (
            partition by customer_id
            order by lot_number
            rows between unbounded preceding and 1 preceding
        ), 0), 0), 0) as expired_points
    from progress
    where lot_number is not null

),

consumed as (

    select customer_id, max(used_in_all) + greatest(coalesce(max(excess), 0), 0) as points
    from progress
    group by customer_id

),

balanced as (

    select
        lots.*,
        coalesce(expiries.expired_points, 0) as lapsed_points,
        case
            when lots.is_available
                then least(greatest(lots.last_available_point - coalesce(consumed.points, 0), 0), lots.points)
            else lots.points
        end as left_points
    from lots
    left join expiries
        on lots.customer_id = expiries.customer_id and lots.lot_number = expiries.lot_number
    left join consumed on lots.customer_id = consumed.customer_id

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
    earned_points,
    reversed_points,
    released_points,
    cast(lapsed_points as bigint) as expired_points,
    cast(case when is_available then points - left_points - lapsed_points else 0 end as bigint) as used_points,
    cast(left_points as bigint) as remaining_points
from balanced

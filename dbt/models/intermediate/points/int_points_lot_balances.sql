{#
  One row per lot as of as_of_date: what was taken back, released, used, has expired, and remains.

  Points are used oldest first, so how far a customer has got is one number: of the points ever available, in the order
  of the lots, the first so-and-so many are consumed. `last_point` is where a lot ends in that order. Using points moves the
  number on by as many; the expiry of a lot moves it to the lot's end, unless it is there already. Lots expire in their
  order, so with `used_before`, the points used before a lot's expiry, what expires of it is
  max(0, e - max(0, largest e of the lots before)), where e = last_point - used_before. If more is consumed than was ever
  available the balance is negative, and the points of later lots are consumed before they can be used.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

taken_back as (

    select
        customer_id,
        lot_number,
        cast(sum(points) as bigint) as points,
        cast(coalesce(sum(points) filter (where is_pending), 0) as bigint) as pending_points
    from {{ ref('int_points_reversals') }}
    where lot_number is not null
    group by customer_id, lot_number

),

used as (

    select customer_id, spent_on as used_on, points
    from {{ ref('int_points_spent') }}

    union all

    select customer_id, reversed_on, points
    from {{ ref('int_points_reversals') }}
    where lot_number is null

),

lots as (

    select
        lots.customer_id,
        lots.lot_number,
        lots.source,
        lots.source_id,
        lots.issued_on,
        lots.available_on,
        lots.expires_on,
        {{ add_days('lots.expires_on', 1) }} as expired_on,
        lots.earned_points,
        coalesce(taken_back.points, 0) as reversed_points,
        lots.earned_points - coalesce(taken_back.pending_points, 0) as released_points,
        lots.earned_points - coalesce(taken_back.points, 0) as points,
        lots.available_on <= run_dates.as_of_date as is_available
    from {{ ref('int_points_lots') }} as lots
    cross join run_dates
    left join taken_back
        on lots.customer_id = taken_back.customer_id and lots.lot_number = taken_back.lot_number

),

positioned as (

    select
        *,
        sum(points) over (partition by customer_id order by lot_number) as last_point,
        sum(case when is_available then points else 0 end) over (
            partition by customer_id
            order by lot_number
        ) as last_available_point
    from lots

),

-- in time: on a day, lots expire before points are used
events as (

    select customer_id, expired_on as moved_on, lot_number, last_point, cast(0 as bigint) as used_points
    from positioned
    where expired_on <= (select as_of_date from run_dates)

    union all

    select customer_id, used_on, null, null, points
    from used

),

progress as (

    select
        customer_id,
        lot_number,
        last_point - sum(used_points) over history as excess,
        sum(used_points) over (partition by customer_id) as used_in_all
    from events
    window history as (
        partition by customer_id
        order by moved_on, lot_number nulls last
        rows between unbounded preceding and current row
    )

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

)

select
    positioned.customer_id,
    positioned.lot_number,
    positioned.source,
    positioned.source_id,
    positioned.issued_on,
    positioned.available_on,
    positioned.expires_on,
    positioned.expired_on,
    positioned.is_available,
    positioned.earned_points,
    positioned.reversed_points,
    positioned.released_points,
    cast(coalesce(expiries.expired_points, 0) as bigint) as expired_points,
    cast(case
        when positioned.is_available then
            positioned.points
            - least(greatest(positioned.last_available_point - coalesce(consumed.points, 0), 0), positioned.points)
            - coalesce(expiries.expired_points, 0)
        else 0
    end as bigint) as used_points,
    cast(case
        when positioned.is_available
            then least(greatest(positioned.last_available_point - coalesce(consumed.points, 0), 0), positioned.points)
        else positioned.points
    end as bigint) as remaining_points
from positioned
left join expiries
    on positioned.customer_id = expiries.customer_id and positioned.lot_number = expiries.lot_number
left join consumed on positioned.customer_id = consumed.customer_id

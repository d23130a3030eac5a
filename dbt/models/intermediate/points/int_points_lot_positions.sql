-- The lots with what returns have taken back of each while it was pending, and since.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

lots as (

    select * from {{ ref('int_points_lots') }}

),

reversals as (

    select * from {{ ref('int_points_reversals') }}

),

taken_back as (

    select
        customer_id,
        lot_number,
        cast(coalesce(sum(points) filter (where is_pending), 0) as bigint) as pending_points,
        cast(coalesce(sum(points) filter (where not is_pending), 0) as bigint) as available_points
    from reversals
    where lot_number is not null
    group by customer_id, lot_number

)

select
    lots.customer_id,
    lots.lot_number,
    lots.source,
    lots.source_id,
    lots.issued_on,
    lots.available_on,
    lots.expires_on,
    {{ add_days('lots.expires_on', 1) }} as expired_on,
    {{ add_days('lots.expires_on', 1) }} <= run_dates.as_of_date as is_expired,
    lots.available_on <= run_dates.as_of_date as is_available,
    lots.net_amount,
    lots.earn_rate,
    lots.earned_points,
    coalesce(taken_back.pending_points, 0) as pending_reversed_points,
    coalesce(taken_back.available_points, 0) as available_reversed_points,
    lots.earned_points - coalesce(taken_back.pending_points, 0) as released_points
from lots
cross join run_dates
left join taken_back
    on lots.customer_id = taken_back.customer_id and lots.lot_number = taken_back.lot_number

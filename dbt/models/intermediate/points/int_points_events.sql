{#
  The happenings that move a customer's available points, numbered in time, with the lots that were released since the one
  before.
#}
with happenings as (

    select * from {{ ref('int_points_happenings') }}

),

lots as (

    select * from {{ ref('int_points_lot_positions') }}
    where is_available

),

numbered as (

    select
        *,
        row_number() over history as event_number,
        lag(event_date) over history as previous_date
    from happenings
    window history as (
        partition by customer_id
        order by event_date asc, place asc, use_id asc, lot_number desc nulls last
    )

),

released as (

    select
        numbered.customer_id,
        numbered.event_number,
        {{ list_of_points(
            points_of_lot('lots.lot_number', 'lots.expires_on', 'null', 'null', 'lots.released_points'),
            'lots.available_on, lots.lot_number'
        ) }} as lots
    from numbered
    inner join lots
        on numbered.customer_id = lots.customer_id
        and numbered.event_date >= lots.available_on
        and (numbered.previous_date is null or lots.available_on > numbered.previous_date)
    group by numbered.customer_id, numbered.event_number

)

select
    numbered.customer_id,
    numbered.event_number,
    numbered.event_date,
    numbered.kind,
    numbered.use_id,
    numbered.order_id,
    numbered.lot_number,
    cast(numbered.points as bigint) as points,
    coalesce(released.lots, {{ no_points() }}) as released
from numbered
left join released
    on numbered.customer_id = released.customer_id and numbered.event_number = released.event_number

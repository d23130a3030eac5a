{#
  What moves the available points of customers who ever used or owed any, numbered in time, with the lots that were released
  since the event before. On a day returns take points back, then points are used, then some are given back. The last
  event of each customer is the end of as_of_date.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

spent as (

    select * from {{ ref('int_points_spent') }}

),

reversals as (

    select * from {{ ref('int_points_reversals') }}
    where not is_pending

),

give_backs as (

    select * from {{ ref('int_points_give_backs') }}

),

lots as (

    select * from {{ ref('int_points_lot_positions') }}
    where is_available

),

users as (

    select customer_id from spent
    union
    select customer_id from reversals where lot_number is null
    union
    select customer_id from give_backs

),

happenings as (

    select
        customer_id,
        reversed_on as event_date,
        1 as place,
        'return' as kind,
        journal_id || ':' || coalesce({{ as_text('lot_number') }}, 'none') as use_id,
        cast(null as {{ dbt.type_string() }}) as order_id,
        lot_number,
        points
    from reversals

    union all

    select customer_id, spent_on, 2, 'use', source || ':' || source_id, order_id, null, points
    from spent

    union all

    select customer_id, given_on, 3, 'give_back', coalesce(use_id, 'take-back:' || source_id), order_id, null, points
    from give_backs

    union all

    select users.customer_id, run_dates.as_of_date, 4, 'end', 'end', null, null, 0
    from users
    cross join run_dates

),

numbered as (

    select
        *,
        row_number() over history as event_number,
        lag(event_date) over history as previous_date
    from happenings
    where customer_id in (select customer_id from users)
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

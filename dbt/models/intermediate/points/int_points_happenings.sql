{{ config(materialized='view') }}
{#
  What moves the available points of customers who ever used or owed any: returns take points back, then points are used, then
  some are given back; and the end of as_of_date. `place` is the order within a day.
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

)

select *
from happenings
where customer_id in (select customer_id from users)

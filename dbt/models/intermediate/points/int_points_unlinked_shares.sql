{#
  One row per unlinked return and lot that it takes points from: newest lots first, as far as nothing has taken their
  points back before. Each iteration handles the next unlinked return of every customer who has one.
#}
with recursive offered as (

    select * from {{ ref('int_unlinked_return_lots') }}

),

steps as (

    select distinct
        customer_id,
        cast(0 as bigint) as return_number,
        cast(null as date) as return_date,
        {{ no_points() }} as taken,
        {{ no_points() }} as taken_before
    from offered

    union all

    (
        with next_returns as (

            select
                offered.*,
                {{ chosen_points(
                    changed_points('offered.lots', 'steps.taken_before', ['lot_number'], '-'), 'one.points > 0'
                ) }} as left_lots,
                steps.taken_before
            from steps
            inner join offered
                on steps.customer_id = offered.customer_id and steps.return_number + 1 = offered.return_number

        ),

        shared as (

            select
                *,
                {{ shares_of_points(one_of_points(points_of_lot('null', 'null', 'null', 'null', 'points')), 'left_lots') }} as taken
            from next_returns

        )

        select customer_id, return_number, return_date, taken, {{ joined_points(['taken_before', 'taken']) }} as taken_before
        from shared
    )

),

shares as (

    select customer_id, return_number, return_date, {{ unnested('taken') }} as share
    from steps

)

select customer_id, return_number, share.lot_number as lot_number, return_date, share.points as points
from shares

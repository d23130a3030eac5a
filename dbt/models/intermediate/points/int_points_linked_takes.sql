{# What a linked return takes from the lot of its order, as far as unlinked returns before it have left points there. #}
with points_unlinked_shares as (

    select * from {{ ref('int_points_unlinked_shares') }}

),

points_linked_reversals as (

    select * from {{ ref('int_points_linked_reversals') }}

),

lots as (

    select customer_id, lot_number, earned_points
    from {{ ref('int_points_lots') }}

)

select
    'return:' || reversals.source_id || ':' || {{ as_text('reversals.reversed_on') }} as journal_id,
    reversals.source_id,
    reversals.customer_id,
    reversals.lot_number,
    reversals.reversed_on,
    reversals.points,
    -- an unlinked return may have taken a lot's points before the return of its order does
    least(reversals.points, greatest(
        lots.earned_points - reversals.points_so_far + reversals.points
            - cast(coalesce(sum(shares.points), 0) as bigint),
        0
    )) as lot_points
from points_linked_reversals as reversals
inner join lots
    on reversals.customer_id = lots.customer_id and reversals.lot_number = lots.lot_number
left join points_unlinked_shares as shares
    on reversals.customer_id = shares.customer_id
    and reversals.lot_number = shares.lot_number
    and reversals.reversed_on > shares.return_date
group by
    reversals.source_id, reversals.customer_id, reversals.lot_number, reversals.reversed_on, reversals.points,
    reversals.points_so_far, lots.earned_points

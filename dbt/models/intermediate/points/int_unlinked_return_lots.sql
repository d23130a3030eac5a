{#
  One row per unlinked return, with the lots that are there on its day as a list, newest first, and the points that linked
  returns have left in each.
#}
with points_linked_reversals as (

    select * from {{ ref('int_points_linked_reversals') }}

),

returns as (

    select * from {{ ref('int_unlinked_returns') }}

),

lots as (

    select * from {{ ref('int_points_lots') }}
    where customer_id in (select customer_id from returns)

),

exposed as (

    select
        lots.customer_id,
        returns.return_number,
        lots.lot_number,
        lots.earned_points - coalesce(max(reversals.points_so_far), 0) as points
    from lots
    inner join returns
        on lots.customer_id = returns.customer_id
        and lots.issued_on <= returns.return_date
        and lots.expires_on >= returns.return_date
    left join points_linked_reversals as reversals
        on lots.customer_id = reversals.customer_id
        and lots.lot_number = reversals.lot_number
        and returns.return_date >= reversals.reversed_on
    group by lots.customer_id, returns.return_number, lots.lot_number, lots.earned_points

)

select
    returns.customer_id,
    returns.return_number,
    returns.return_date,
    returns.points,
    {{ list_of_points(
        points_of_lot('exposed.lot_number', 'null', 'null', 'null', 'exposed.points'), 'coalesce(-exposed.lot_number, 0)'
    ) }} as lots
from returns
left join exposed on returns.customer_id = exposed.customer_id and returns.return_number = exposed.return_number
group by returns.customer_id, returns.return_number, returns.return_date, returns.points

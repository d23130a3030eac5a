{#
  One row per unlinked return and lot that it takes points from: newest lots first, as far as nothing has taken their
  points back before. Each iteration handles the next unlinked return of every customer who has one.
#}
with recursive points_linked_reversals as (

    select * from {{ ref('int_points_linked_reversals') }}

),

returns as (

    select * from {{ ref('int_unlinked_returns') }}

),

lots as (

    select * from {{ ref('int_points_lots') }}
    where customer_id in (select customer_id from returns)

),

-- what linked returns have left of each lot that is there on the day of an unlinked return
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

),

shares as (

    select
        customer_id,
        lot_number,
        cast(0 as bigint) as return_number,
        cast(0 as bigint) as points,
        cast(0 as bigint) as points_so_far
    from lots

    union all

    select customer_id, lot_number, return_number, points, points_before + points as points_so_far
    from (
        select
            customer_id,
            lot_number,
            return_number,
            points_before,
            cast(greatest(least(left_points, wanted_points - coalesce(sum(left_points) over (
                partition by customer_id
                order by lot_number desc
                rows between unbounded preceding and 1 preceding
            ), 0)), 0) as bigint) as points
        from (
            select
                shares.customer_id,
                shares.lot_number,
                returns.return_number,
                returns.points as wanted_points,
                shares.points_so_far as points_before,
                greatest(coalesce(exposed.points, 0) - shares.points_so_far, 0) as left_points
            from shares
            inner join returns
                on shares.customer_id = returns.customer_id and shares.return_number + 1 = returns.return_number
            left join exposed
                on returns.customer_id = exposed.customer_id
                and returns.return_number = exposed.return_number
                and shares.lot_number = exposed.lot_number
        ) as offered
    ) as taken

)

select shares.customer_id, shares.return_number, shares.lot_number, returns.return_date, shares.points
from shares
inner join returns
    on shares.customer_id = returns.customer_id and shares.return_number = returns.return_number
where shares.points > 0

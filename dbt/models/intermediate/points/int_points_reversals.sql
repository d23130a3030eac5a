{#
  One row per reversal and lot that it takes points from, and one without a lot for what no lot can cover: that is owed,
  and is filled from the oldest points and from later earnings. Points that were redeemed out of a lot are taken back
  from it all the same; the redemption is then carried by the lots that follow.
#}
with points_unlinked_shares as (

    select * from {{ ref('int_points_unlinked_shares') }}

),

points_linked_reversals as (

    select * from {{ ref('int_points_linked_reversals') }}

),

unlinked_returns as (

    select * from {{ ref('int_unlinked_returns') }}

),

lots as (

    select customer_id, lot_number, earned_points, available_on
    from {{ ref('int_points_lots') }}

),

linked as (

    select
        'return:' || reversals.source_id || ':' || {{ as_text('reversals.reversed_on') }} as journal_id,
        reversals.source_id,
        reversals.customer_id,
        reversals.lot_number,
        reversals.reversed_on,
        reversals.points,
        -- an unlinked return may have taken a lot's points before the return of its order does
        least(reversals.points, greatest(
            lots.earned_points - reversals.points_so_far + reversals.points - cast(coalesce(sum(shares.points), 0) as bigint), 0
        )) as lot_points
    from points_linked_reversals as reversals
    inner join lots on reversals.customer_id = lots.customer_id and reversals.lot_number = lots.lot_number
    left join points_unlinked_shares as shares
        on reversals.customer_id = shares.customer_id
        and reversals.lot_number = shares.lot_number
        and reversals.reversed_on > shares.return_date
    group by {{ ['reversals.customer_id', 'reversals.lot_number', 'reversals.source_id', 'reversals.reversed_on', 'reversals.points',
        'reversals.points_so_far', 'lots.earned_points'] | join(', ') }}

),

unlinked as (

    select
        'unlinked-return:' || returns.document_id || ':' || {{ as_text('returns.return_date') }} as journal_id,
        returns.document_id as source_id,
        returns.customer_id,
        returns.return_number,
        returns.return_date as reversed_on,
        cast(returns.points - coalesce(sum(shares.points), 0) as bigint) as owed_points
    from unlinked_returns as returns
    left join points_unlinked_shares as shares
        on returns.customer_id = shares.customer_id and returns.return_number = shares.return_number
    group by returns.document_id, returns.customer_id, returns.return_number, returns.return_date, returns.points

),

taken as (

    select journal_id, source_id, customer_id, lot_number, reversed_on, lot_points as points
    from linked

    union all

    select journal_id, source_id, customer_id, null, reversed_on, points - lot_points
    from linked

    union all

    select unlinked.journal_id, unlinked.source_id, unlinked.customer_id, shares.lot_number, unlinked.reversed_on, shares.points
    from unlinked
    inner join points_unlinked_shares as shares
        on unlinked.customer_id = shares.customer_id and unlinked.return_number = shares.return_number

    union all

    select journal_id, source_id, customer_id, null, reversed_on, owed_points
    from unlinked

)

select taken.*, coalesce(taken.reversed_on < lots.available_on, false) as is_pending
from taken
left join lots
    on taken.customer_id = lots.customer_id and taken.lot_number = lots.lot_number
where taken.points > 0

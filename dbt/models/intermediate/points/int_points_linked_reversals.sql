{#
  One row per order with points and day on which linked returns take points back: earned less floor(rate * net after
  return), in steps. Points that have expired are not taken back once more, so nothing comes after expires_on.
#}
with points_lots as (

    select * from {{ ref('int_points_lots') }}

),

linked_returns as (

    select * from {{ ref('int_linked_returns') }}

),

returns as (

    select
        lots.customer_id,
        lots.lot_number,
        lots.source_id,
        returns.return_date as reversed_on,
        lots.earned_points,
        cast(floor(lots.earn_rate * returns.remaining_amount) as bigint) as points_after
    from points_lots as lots
    inner join linked_returns as returns
        on lots.source_id = returns.order_id
    where lots.source = 'order' and returns.return_date <= lots.expires_on

),

stepped as (

    select
        customer_id,
        lot_number,
        source_id,
        reversed_on,
        coalesce(lag(points_after) over (partition by source_id order by reversed_on), earned_points) - points_after as points
    from returns

)

select
    customer_id,
    lot_number,
    source_id,
    reversed_on,
    points,
    cast(sum(points) over (partition by source_id order by reversed_on) as bigint) as points_so_far
from stepped
where points > 0

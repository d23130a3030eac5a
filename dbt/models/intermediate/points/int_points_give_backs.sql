{#
  Points that come back to who redeemed them. What was paid with points gives them back by the share of its order that was
  returned, in steps. A redemption of negative points takes the latest redemption back, of the same order where it names one.
#}
with redemptions as (

    select * from {{ ref('int_redemptions') }}

),

linked_returns as (

    select * from {{ ref('int_linked_returns') }}

),

returned as (

    select
        redemptions.customer_id,
        redemptions.redemption_id,
        redemptions.order_id,
        greatest(returns.return_date, redemptions.redemption_date) as given_on,
        max({{ whole_share('redemptions.points', 'returns.net_amount - returns.remaining_amount', 'returns.net_amount') }})
            as points_so_far
    from redemptions
    inner join linked_returns as returns on redemptions.order_id = returns.order_id
    where redemptions.points > 0
    group by 1, 2, 3, 4

),

stepped as (

    select
        *,
        points_so_far - lag(points_so_far, 1, 0) over (partition by redemption_id order by given_on) as points
    from returned

)

select
    customer_id,
    'give-back:' || redemption_id || ':' || {{ as_text('given_on') }} as journal_id,
    redemption_id as source_id,
    'redemption:' || redemption_id as use_id,
    order_id,
    given_on,
    points
from stepped
where points > 0

union all

select
    customer_id,
    'redeem:' || redemption_id as journal_id,
    redemption_id as source_id,
    cast(null as {{ dbt.type_string() }}) as use_id,
    order_id,
    redemption_date as given_on,
    -points as points
from redemptions
where points < 0

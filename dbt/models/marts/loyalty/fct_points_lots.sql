with lots as (

    select * from {{ ref('int_points_lot_balances') }}

)

select
    {{ points_lot_id('source', 'source_id') }} as lot_id,
    customer_id,
    source,
    source_id,
    issued_on,
    available_on,
    expires_on,
    net_amount as base_amount,
    earn_rate,
    earned_points,
    reversed_points,
    used_points,
    expired_points,
    remaining_points,
    is_available
from lots

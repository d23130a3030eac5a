with returned_lines as (

    select * from {{ ref('int_returned_lines') }}
    where order_status = 'completed'

)

select
    returned_order_id as order_id,
    return_date,
    {{ money('sum(net_amount)') }} as return_amount,
    {{ money('sum(margin_amount)') }} as return_margin_amount,
    -- in the order's own currency, where all of it came back in it
    case when count(*) = count(own_net_amount) then {{ money('sum(own_net_amount)') }} end as own_return_amount
from returned_lines
group by returned_order_id, return_date

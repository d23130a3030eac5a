-- One row per order and day on which lines of it came back.
select
    original_order_id as order_id,
    order_date as return_date,
    {{ money('sum(net_amount)') }} as return_amount
from {{ ref('int_order_line_versions') }}
where row_status = 'accepted' and is_return and order_status = 'completed' and original_order_id is not null
group by original_order_id, order_date

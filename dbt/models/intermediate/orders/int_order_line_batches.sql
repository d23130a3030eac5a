-- One row per batch of order lines: what was delivered, counted before any rule judged it.
with delivered as (

{{ union_entity('order_lines') }}

)

select
    _source as source,
    _batch_id as batch_id,
    count(*) as rows_count,
    {{ money('coalesce(sum(net_amount), 0)') }} as net_amount
from delivered
group by _source, _batch_id

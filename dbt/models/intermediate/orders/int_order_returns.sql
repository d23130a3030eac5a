with sale_lines as (

    select * from {{ ref('int_sale_lines') }}

)

select
    original_order_id as order_id,
    order_date as return_date,
    {{ money('sum(net_amount)') }} as return_amount
from sale_lines
where is_return and original_order_id is not null
group by original_order_id, order_date

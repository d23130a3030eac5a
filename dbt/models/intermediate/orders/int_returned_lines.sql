{#
  The return lines of known orders. A return belongs to the order that it names, else to the document that it stands in,
  and to that order's customer and status: what came back of a cancelled order takes back what never counted. What is dated
  before its order counts as it was delivered, as nobody knew of the order then.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

return_lines as (

    select *, coalesce(original_order_id, order_id) as returned_order_id
    from {{ resolved(ref('int_order_line_versions')) }}
    where
        row_status = 'accepted'
        and is_return
        and order_status = 'completed'
        and order_date <= (select as_of_date from run_dates)

),

orders as (

    select * from {{ ref('int_orders') }}

)

select
    return_lines.order_line_id,
    return_lines.returned_order_id,
    case when orders.order_date <= return_lines.order_date then orders.customer_id else return_lines.customer_id end as customer_id,
    case when orders.order_date <= return_lines.order_date then orders.order_status else 'completed' end as order_status,
    return_lines.customer_id as returned_by,
    return_lines.order_date as return_date,
    return_lines.net_amount,
    return_lines.net_amount - {{ cost_or_assumed('return_lines') }} as margin_amount,
    case when return_lines.currency = orders.currency then return_lines.net_amount_delivered end as own_net_amount
from return_lines
inner join orders on return_lines.returned_order_id = orders.order_id

{{ config(materialized='view') }}
{#
  What returns change on the day of whoever brought them back, where the order is another customer's or does not count: the
  one is let off, and the order's customer, if the order counts, has it instead.
#}
with returned_lines as (

    select * from {{ ref('int_returned_lines') }}
    where returned_by is distinct from customer_id or order_status <> 'completed'

)

select
    order_line_id,
    returned_by as customer_id,
    return_date as order_date,
    -net_amount as return_amount,
    -margin_amount as return_margin_amount
from returned_lines
where returned_by is not null

union all

select order_line_id, customer_id, return_date, net_amount, margin_amount
from returned_lines
where customer_id is not null and order_status = 'completed'

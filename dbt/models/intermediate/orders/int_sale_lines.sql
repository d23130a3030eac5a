with order_lines as (

    select * from {{ ref('int_order_lines') }}

)

select
    order_line_id,
    order_id,
    customer_id,
    product_id,
    returned_order_id,
    campaign_id,
    source,
    channel,
    discount_code,
    country,
    marketing_source,
    marketing_medium,
    marketing_campaign,
    order_date,
    is_return,
    is_return_date_assumed,
    quantity,
    discount_amount,
    net_amount,
    margin_amount
from order_lines
where is_valid

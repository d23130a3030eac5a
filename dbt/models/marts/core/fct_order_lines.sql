{{ config(materialized='view') }}
-- A view, as the intermediate one is: no day's lines are copied.
with order_lines as (

    select * from {{ ref('int_order_lines') }}

)

select
    order_line_id,
    order_id,
    customer_id,
    product_id,
    original_order_id,
    campaign_id,
    store_id,
    channel,
    discount_code,
    country,
    marketing_source,
    marketing_medium,
    marketing_campaign,
    is_subscription,
    is_return_date_assumed,
    currency,
    order_status,
    quantity,
    gross_amount,
    discount_amount,
    net_amount,
    cost_amount,
    ordered_at,
    order_date,
    is_return,
    is_valid,
    source
from order_lines

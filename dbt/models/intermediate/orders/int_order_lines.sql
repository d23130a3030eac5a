{{ config(materialized='view') }}
-- A view: the history it shows is kept incrementally and does not depend on the day it is looked at.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

versions as (

    select * from {{ ref('int_order_line_versions') }}

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
    currency,
    order_status,
    quantity,
    gross_amount,
    discount_amount,
    net_amount,
    cost_amount,
    net_amount - {{ cost_or_assumed() }} as margin_amount,
    ordered_at,
    order_date,
    is_return,
    order_status = 'completed' as is_valid,
    _source as source
from versions
where row_status = 'accepted' and order_date <= (select as_of_date from run_dates)

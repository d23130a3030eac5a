{{ config(materialized='view') }}
-- A view: the history it shows is kept incrementally and does not depend on the day it is looked at.
-- A return of a known order counts for its customer, and not at all where the order does not.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

versions as (

    select * from {{ resolved(ref('int_order_line_versions')) }}

),

returned_lines as (

    select * from {{ ref('int_returned_lines') }}

)

select
    versions.order_line_id,
    versions.order_id,
    case when returned.order_line_id is null then versions.customer_id else returned.customer_id end as customer_id,
    versions.product_id,
    versions.original_order_id,
    returned.returned_order_id,
    versions.campaign_id,
    versions.store_id,
    versions.channel,
    versions.discount_code,
    versions.country,
    versions.marketing_source,
    versions.marketing_medium,
    versions.marketing_campaign,
    versions.is_subscription,
    versions.is_return_date_assumed,
    versions.currency,
    versions.order_status,
    versions.quantity,
    versions.gross_amount,
    versions.discount_amount,
    versions.net_amount,
    versions.net_amount_delivered,
    versions.cost_amount,
    versions.net_amount - {{ cost_or_assumed('versions') }} as margin_amount,
    versions.ordered_at,
    versions.order_date,
    versions.is_return,
    versions.order_status = 'completed' and coalesce(returned.order_status, 'completed') = 'completed' as is_valid,
    versions._source as source
from versions
left join returned_lines as returned on versions.order_line_id = returned.order_line_id
where versions.row_status = 'accepted' and versions.order_date <= (select as_of_date from run_dates)

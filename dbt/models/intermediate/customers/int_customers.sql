{# Customers are known by a record of the entity, by an order line, by a campaign or by points. A record without joined_at
  has been known all along. No direct identifiers. #}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_records as (

    select * from {{ resolved(accepted(ref('int_customer_versions'))) }}

),

campaign_members as (

    select * from {{ ref('int_campaign_members') }}

),

point_adjustments as (

    select * from {{ ref('int_point_adjustments') }}

),

redemptions as (

    select * from {{ ref('int_redemptions') }}
    where points <> 0

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

records as (

    select
        customer_records.customer_id,
        min(customer_records.joined_at) as joined_at,
        min(coalesce({{ business_date('customer_records.joined_at') }}, run_dates.data_from)) as known_since
    from customer_records
    inner join run_dates
        on coalesce({{ business_date('customer_records.joined_at') }}, run_dates.data_from) <= run_dates.as_of_date
    group by customer_records.customer_id

),

buyers as (

    select
        customer_id,
        min(order_date) as known_since,
        min(order_date) filter (where has_valid_order) as first_order_date,
        max(order_date) filter (where has_valid_order) as last_order_date,
        cast(sum(orders_count) as bigint) as orders_count,
        {{ money('sum(net_amount)') }} as net_amount_lifetime
    from customer_daily
    group by customer_id

),

sightings as (

    select customer_id, known_since from records
    union all
    select customer_id, member_since from campaign_members
    union all
    select customer_id, known_since from buyers
    union all
    select customer_id, adjusted_on from point_adjustments
    union all
    select customer_id, redemption_date from redemptions

),

known as (

    select customer_id, min(known_since) as known_since
    from sightings
    group by customer_id

)

select
    known.customer_id,
    known.known_since,
    records.joined_at,
    buyers.first_order_date,
    buyers.last_order_date,
    coalesce(buyers.orders_count, 0) as orders_count,
    coalesce(buyers.net_amount_lifetime, 0) as net_amount_lifetime,
    {{ month_of('buyers.first_order_date') }} as cohort_month
from known
left join buyers on known.customer_id = buyers.customer_id
left join records on known.customer_id = records.customer_id

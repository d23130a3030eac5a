{#
  One row per customer known up to as_of_date: by a record of the entity, by an order line or by a campaign.
  A record without joined_at has been known all along; a member is known from the assignment, else from the
  campaign's start. No direct identifiers.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

records as (

    select
        customers.customer_id,
        customers.joined_at,
        coalesce({{ business_date('customers.joined_at') }}, run_dates.data_from) as known_since
    from {{ accepted(ref('int_customer_versions')) }} as customers
    cross join run_dates

),

members as (

    select
        members.customer_id,
        min(coalesce({{ business_date('members.assigned_at') }}, campaigns.start_date)) as known_since
    from {{ accepted(ref('int_campaign_member_versions')) }} as members
    left join {{ accepted(ref('int_campaign_versions')) }} as campaigns
        on members.campaign_id = campaigns.campaign_id
    group by members.customer_id

),

buyers as (

    select
        customer_id,
        min(order_date) as known_since,
        min(order_date) filter (where has_valid_order) as first_order_date,
        max(order_date) filter (where has_valid_order) as last_order_date,
        cast(sum(orders_count) as bigint) as orders_count,
        {{ money('sum(net_amount)') }} as net_amount_lifetime
    from {{ ref('int_customer_daily') }}
    where order_date <= (select as_of_date from run_dates)
    group by customer_id

),

known as (

    select customer_id, min(known_since) as known_since
    from (
        select customer_id, known_since from records
        union all
        select customer_id, known_since from members
        union all
        select customer_id, known_since from buyers
    ) as sightings
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
left join records
    on known.customer_id = records.customer_id
    and records.known_since <= (select as_of_date from run_dates)
where known.known_since <= (select as_of_date from run_dates)

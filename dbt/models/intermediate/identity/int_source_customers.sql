{#
  Customer ids as sources deliver them, and when each was seen first: by its record, which without joined_at has been there
  all along, or by its first order. Times of delivery do not count, so that the order of batches changes nothing.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_records as (

    select * from {{ accepted(ref('int_customer_versions')) }}

),

order_days as (

    select * from {{ ref('int_order_days') }}
    where customer_id is not null and order_date <= (select as_of_date from run_dates)

),

sightings as (

    select
        customer_records.customer_id,
        customer_records._source as source,
        coalesce(customer_records.joined_at, {{ local_to_utc('cast(run_dates.data_from as timestamp)') }}) as seen_at
    from customer_records
    inner join run_dates
        on coalesce({{ business_date('customer_records.joined_at') }}, run_dates.data_from) <= run_dates.as_of_date

    union all

    select customer_id, source, ordered_at as seen_at
    from order_days

),

by_source as (

    select customer_id, source, min(seen_at) as first_seen
    from sightings
    group by customer_id, source

)

select customer_id as source_customer_id, source, first_seen
from by_source
qualify row_number() over (partition by customer_id order by first_seen, source) = 1

select * from {{ source('raw_till', 'customer_events') }}

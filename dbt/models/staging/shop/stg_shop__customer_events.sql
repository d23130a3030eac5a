select * from {{ source('raw_shop', 'customer_events') }}

select * from {{ source('raw_shop', 'exchange_rates') }}

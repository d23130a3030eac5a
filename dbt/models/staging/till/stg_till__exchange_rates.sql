select * from {{ source('raw_till', 'exchange_rates') }}

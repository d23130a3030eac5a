select * from {{ source('raw_shop', 'products') }}

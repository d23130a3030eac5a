select * from {{ source('raw_till', 'products') }}

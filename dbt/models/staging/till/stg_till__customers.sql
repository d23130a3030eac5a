select * from {{ source('raw_till', 'customers') }}

select * from {{ source('raw_till', 'order_lines') }}

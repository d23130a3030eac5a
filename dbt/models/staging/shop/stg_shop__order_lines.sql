select * from {{ source('raw_shop', 'order_lines') }}

select * from {{ source('raw_shop', 'campaigns') }}

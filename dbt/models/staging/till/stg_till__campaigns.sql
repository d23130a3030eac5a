select * from {{ source('raw_till', 'campaigns') }}

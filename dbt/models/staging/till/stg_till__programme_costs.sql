select * from {{ source('raw_till', 'programme_costs') }}

select * from {{ source('raw_shop', 'programme_costs') }}

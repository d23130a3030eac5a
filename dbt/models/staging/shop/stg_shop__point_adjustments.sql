select * from {{ source('raw_shop', 'point_adjustments') }}

select * from {{ source('raw_till', 'point_adjustments') }}

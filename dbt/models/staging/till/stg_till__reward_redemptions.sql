select * from {{ source('raw_till', 'reward_redemptions') }}

select * from {{ source('raw_shop', 'reward_redemptions') }}

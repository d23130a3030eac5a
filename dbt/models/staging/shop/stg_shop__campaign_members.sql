select * from {{ source('raw_shop', 'campaign_members') }}

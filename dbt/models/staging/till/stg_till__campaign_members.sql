select * from {{ source('raw_till', 'campaign_members') }}

with coupon_redemptions as (

    select * from {{ source('raw_complete_journey', 'coupon_redemptions') }}

),

renamed as (

    select
        concat_ws('-', {{ as_text('household_id') }}, {{ as_text('coupon_upc') }}, {{ as_text('campaign_id') }},
            {{ as_text('cast(redemption_date as date)') }}) as redemption_id,
        household_id as customer_id,
        campaign_id,
        coupon_upc as reward_id,
        -- the source gives the business day alone; noon keeps it that day in UTC
        {{ local_to_utc("cast(redemption_date as timestamp) + interval '12' hour") }} as redeemed_at,
        _batch_id,
        _file,
        _row_number
    from coupon_redemptions

)

select * from renamed

with coupons as (

    select * from {{ source('raw_complete_journey', 'coupons') }}

),

renamed as (

    select
        {{ as_text('coupon_upc') }} as reward_id,
        {{ as_text('campaign_id') }} as campaign_id,
        {{ as_text('product_id') }} as product_id,
        _batch_id,
        _file,
        _row_number
    from coupons

)

select * from renamed

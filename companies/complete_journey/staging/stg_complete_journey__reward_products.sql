with coupons as (

    select * from {{ source('raw_complete_journey', 'coupons') }}

),

renamed as (

    select
        coupon_upc as reward_id,
        campaign_id,
        product_id,
        _batch_id,
        _file,
        _row_number
    from coupons

)

select * from renamed

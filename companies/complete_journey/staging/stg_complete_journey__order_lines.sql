with transactions as (

    select * from {{ source('raw_complete_journey', 'transactions') }}

),

renamed as (

    select
        {{ as_text('basket_id') }} || '-' || {{ as_text('product_id') }} as order_line_id,
        basket_id as order_id,
        household_id as customer_id,
        product_id,
        store_id,
        quantity,
        -- what the shop took off; the manufacturer's coupon_disc is a means of payment
        {{ money('retail_disc') }} + {{ money('coupon_match_disc') }} as discount_amount,
        {{ money('sales_value') }} as net_amount,
        {{ money('sales_value') }} + {{ money('retail_disc') }} + {{ money('coupon_match_disc') }} as gross_amount,
        'completed' as order_status,
        transaction_timestamp as ordered_at,
        _batch_id,
        _file,
        _row_number
    from transactions

)

select * from renamed

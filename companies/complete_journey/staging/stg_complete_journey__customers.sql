with demographics as (

    select * from {{ source('raw_complete_journey', 'demographics') }}

),

renamed as (

    select
        household_id as customer_id,
        {{ json_record(['age', 'income', 'home_ownership', 'marital_status', 'household_size', 'kids_count']) }} as attributes,
        _batch_id,
        _file,
        _row_number
    from demographics

)

select * from renamed

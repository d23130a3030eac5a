with products as (

    select * from {{ source('raw_complete_journey', 'products') }}

),

renamed as (

    select
        product_id,
        nullif(concat_ws(', ', product_type, package_size), '') as product_name,
        coalesce(product_category, department) as category,
        brand,
        _batch_id,
        _file,
        _row_number
    from products

)

select * from renamed

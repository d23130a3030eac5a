with invoices as (

    select * from {{ source('raw_online_retail', 'invoices') }}

),

-- every priced line is a version of its product; unpriced ones carry stock-taking notes in place of names
renamed as (

    select
        upper("StockCode") as product_id,
        trim("Description") as product_name,
        _batch_id,
        _file,
        _row_number
    from invoices
    where "Description" is not null and try_cast("UnitPrice" as decimal(18, 8)) > 0

)

select * from renamed

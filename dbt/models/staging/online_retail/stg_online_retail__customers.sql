with invoices as (

    select * from {{ source('raw_online_retail', 'invoices') }}

),

-- every line of a customer is a version of the customer; the latest stands
renamed as (

    select
        nullif(split_part("CustomerID", '.', 1), '') as customer_id,
        "Country" as country,
        _batch_id,
        _file,
        _row_number
    from invoices
    where "CustomerID" is not null

)

select * from renamed

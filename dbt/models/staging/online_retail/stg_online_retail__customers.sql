with invoices as (

    select * from {{ source('raw_online_retail', 'invoices') }}

),

dated as (

    select
        *,
        coalesce(
            try_cast("InvoiceDate" as timestamp),
            {{ parse_timestamp('"InvoiceDate"', ['%m/%d/%Y %H:%M', '%m/%d/%y %H:%M']) }}
        ) as invoiced_at
    from invoices
    where "CustomerID" is not null

),

-- every line of a customer is a version of the customer; the latest stands
renamed as (

    select
        nullif(split_part("CustomerID", '.', 1), '') as customer_id,
        "Country" as country,
        -- the shop hands over no date of registration, and nobody is its customer before the first invoice
        {{ local_to_utc('min(invoiced_at) over (partition by "CustomerID")') }} as joined_at,
        _batch_id,
        _file,
        _row_number
    from dated

)

select * from renamed

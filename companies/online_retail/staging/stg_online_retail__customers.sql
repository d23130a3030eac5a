with invoices as (

    select * from {{ source('raw_online_retail', 'invoices') }}

),

dated as (

    select
        *,
        {{ clean_id(trimmed_id('"CustomerID"'), 'online_retail', 'customer_id') }} as customer_id,
        case when {{ converts('"InvoiceDate"', 'timestamptz') }} then {{ to_utc('"InvoiceDate"') }} end as invoiced_at
    from invoices

),

-- every line of a customer is a version of the customer; the latest stands
renamed as (

    select
        customer_id,
        "Country" as country,
        -- the shop hands over no date of registration, and nobody is its customer before the first invoice
        min(invoiced_at) over (partition by customer_id) as joined_at,
        _batch_id,
        _file,
        _row_number
    from dated
    where customer_id is not null

)

select * from renamed

with invoices as (

    select * from {{ source('raw_online_retail', 'invoices') }}

),

line_kinds as (

    select * from {{ ref('online_retail_line_kinds') }}

),

converted as (

    select
        *,
        {{ clean_id(trimmed_id('"CustomerID"'), 'online_retail', 'customer_id') }} as customer_id,
        try_cast("Quantity" as decimal(18, 4)) as units,
        {{ price_times('"UnitPrice"', '"Quantity"') }} as net_amount,
        {{ conversion_reason([
            ('"Quantity"', 'decimal(18, 4)'), ('"UnitPrice"', 'decimal(18, 8)'), ('"InvoiceDate"', 'timestamptz')
        ]) }} as conversion_reason,
        -- a line has no key of its own: it is the nth of its product on its invoice in its file, so that real
        -- repeated lines stay and a corrected file replaces its own lines
        row_number() over (partition by _batch_id, _file, "InvoiceNo", "StockCode" order by _row_number) as occurrence
    from invoices

),

classified as (

    select
        converted.*,
        line_kinds.reject_reason,
        row_number() over (partition by converted._batch_id, converted._row_number order by line_kinds.priority) as kind_rank
    from converted
    left join line_kinds
        on converted."InvoiceNo" like coalesce(line_kinds.invoice_prefix, '') || '%'
        and (line_kinds.stock_code is null or line_kinds.stock_code = converted."StockCode")
        and (line_kinds.has_customer is null or line_kinds.has_customer = (converted.customer_id is not null))
        and (line_kinds.is_priced is null or line_kinds.is_priced = (converted.net_amount <> 0))

),

renamed as (

    select
        "InvoiceNo" || '-' || "StockCode" || '-' || {{ as_text('occurrence') }} || '@' || _file as order_line_id,
        "InvoiceNo" as order_id,
        customer_id,
        upper("StockCode") as product_id,
        units as quantity,
        net_amount as gross_amount,
        {{ money('0') }} as discount_amount,
        net_amount,
        'completed' as order_status,
        'web' as channel,
        {{ to_utc('"InvoiceDate"') }} as ordered_at,
        coalesce(conversion_reason, reject_reason) as _reject_reason,
        _batch_id,
        _file,
        _row_number
    from classified
    where kind_rank = 1

)

select * from renamed

-- One row: the days that bound every figure of this run. A day is complete when a later one has begun.
with days as (

    select min(order_date) as first_date, max(order_date) as last_date
    from {{ ref('int_order_days') }}

),

through as (

    select
        first_date as data_from,
        coalesce({{ date_or_null(var('data_through')) }}, {{ add_days('last_date', -1) }}) as data_through
    from days

),

bounded as (

    select
        data_from,
        least(data_through, coalesce({{ date_or_null(var('as_of_date')) }}, data_through)) as data_through,
        coalesce({{ date_or_null(var('as_of_date')) }}, data_through) as as_of_date
    from through

)

select * from bounded

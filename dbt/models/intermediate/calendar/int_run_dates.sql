{#
  One row: the days that bound every figure of this run. A day is complete when a later one has begun; whoever names
  as_of_date says that it is, so that what came later decides nothing. A shop on its first day has that day, and one
  without an order the day on which its files were loaded. What begins after as_of_date does not exist.
#}
{%- set data_through, as_of_date = date_or_null(var('data_through')), date_or_null(var('as_of_date')) -%}
with order_days as (

    select * from {{ ref('int_order_days') }}

),

batches as (

    select * from {{ ref('stg_ops__batches') }}

),

ends as (

    select
        coalesce(
            {{ data_through }},
            {{ as_of_date }},
            greatest({{ add_days('max(order_date)', -1) }}, min(order_date)),
            (select {{ business_date('max(loaded_at)') }} from batches),
            {{ date_or_null('1970-01-01') }}
        ) as data_through
    from order_days

),

days as (

    select
        least(data_through, coalesce({{ as_of_date }}, data_through)) as data_through,
        coalesce({{ as_of_date }}, data_through) as as_of_date
    from ends

),

starts as (

    select min(order_date) as data_from
    from order_days
    where order_date <= (select as_of_date from days)

)

select
    coalesce(starts.data_from, days.as_of_date) as data_from,
    days.data_through,
    days.as_of_date
from days
cross join starts

{#
  One row: the days that bound every figure of this run. A day is complete when a later one has begun; whoever names
  as_of_date says that it is, so that what came later decides nothing.
#}
{%- set data_through, as_of_date = date_or_null(var('data_through')), date_or_null(var('as_of_date')) -%}
with order_days as (

    select * from {{ ref('int_order_days') }}

),

days as (

    select
        min(order_date) as data_from,
        coalesce({{ data_through }}, {{ as_of_date }}, {{ add_days('max(order_date)', -1) }}) as data_through
    from order_days

)

select
    data_from,
    least(data_through, coalesce({{ as_of_date }}, data_through)) as data_through,
    coalesce({{ as_of_date }}, data_through) as as_of_date
from days

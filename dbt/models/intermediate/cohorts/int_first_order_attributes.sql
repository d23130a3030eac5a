-- The values that are shown: of an attribute the 50 with most customers, the rest together; a customer stands under each once.
with first_order_values as (

    select * from {{ ref('int_first_order_values') }}

),

attribute_values as (

    select
        attribute,
        attribute_value,
        row_number() over (partition by attribute order by count(*) desc, attribute_value) as value_rank
    from first_order_values
    where attribute_value <> 'unknown'
    group by attribute, attribute_value

)

select distinct
    first_order_values.customer_id,
    first_order_values.attribute,
    first_order_values.is_exclusive,
    case
        when attribute_values.value_rank > 50 then 'other'
        else first_order_values.attribute_value
    end as attribute_value
from first_order_values
left join attribute_values
    on first_order_values.attribute = attribute_values.attribute
    and first_order_values.attribute_value = attribute_values.attribute_value

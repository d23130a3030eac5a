-- How many orders each product and category is in; what is not known is none.
with basket_items as (

    select * from {{ ref('int_basket_items') }}
    where group_value <> 'unknown'

)

select
    group_kind,
    group_value,
    count(*) as orders_count,
    row_number() over (partition by group_kind order by count(*) desc, group_value asc) as orders_rank
from basket_items
group by group_kind, group_value

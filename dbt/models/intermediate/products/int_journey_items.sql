-- What was in each valid order, where only the 200 products and 50 categories in most orders are told apart.
with basket_items as (

    select * from {{ ref('int_basket_items') }}

),

shown as (

    select * from {{ ref('int_basket_item_counts') }}
    where orders_rank <= case group_kind when 'product' then 200 else 50 end

)

select distinct
    basket_items.order_id,
    basket_items.group_kind,
    case
        when basket_items.group_value = 'unknown' then 'unknown'
        else coalesce(shown.group_value, 'other')
    end as group_value
from basket_items
left join shown on basket_items.group_kind = shown.group_kind and basket_items.group_value = shown.group_value

{#
  What is told once of a first valid order. Sizes are fifths of the first orders of the same month by amount; equal amounts
  are of one size, the smaller.
#}
{%- set of_lines = ['country', 'marketing_source', 'marketing_medium', 'marketing_campaign'] -%}
with first_order_lines as (

    select * from {{ ref('int_first_order_lines') }}

),

first_orders as (

    select
        customer_id,
        cohort_month,
        min(channel) as channel,
        min(store_id) as store_id,
        min(net_amount) as net_amount,
        min(discount_amount) > 0 as is_discounted,
        {%- for name in of_lines %}
        min({{ name }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from first_order_lines
    group by customer_id, cohort_month

),

ranked as (

    select
        *,
        rank() over (partition by cohort_month order by net_amount) - 1 as smaller_count,
        count(*) over (partition by cohort_month) as orders_count
    from first_orders

)

select
    customer_id,
    cohort_month,
    channel,
    store_id,
    {{ of_lines | join(',\n    ') }},
    case when is_discounted then 'yes' else 'no' end as is_discounted,
    {{ as_text(whole_division('5 * smaller_count', 'orders_count') ~ ' + 1') }} as order_size
from ranked

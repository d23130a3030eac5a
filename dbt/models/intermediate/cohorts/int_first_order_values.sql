{#
  Under which values of which attributes a customer stands, by the first valid order. An order has one channel and many
  products: of what it may have several of a customer stands under each. What is not known is 'unknown'; an order without
  a code has none where others have one.
#}
{%- set single = [['channel', 'channel'], ['store', 'store_id'], ['country', 'country'], ['marketing_source', 'marketing_source'],
    ['marketing_medium', 'marketing_medium'], ['marketing_campaign', 'marketing_campaign'], ['first_discounted', 'is_discounted'],
    ['first_order_size', 'order_size']] -%}
{%- set several = [['first_product', 'product_id'], ['first_category', 'category'], ['first_discount_code', 'discount_code']] -%}
with first_orders as (

    select * from {{ ref('int_first_orders') }}

),

first_order_lines as (

    select * from {{ ref('int_first_order_lines') }}

),

products as (

    select * from {{ accepted(ref('int_product_versions')) }}

),

lines as (

    select
        first_order_lines.customer_id,
        first_order_lines.product_id,
        products.category,
        first_order_lines.discount_code,
        count(first_order_lines.discount_code) over (partition by first_order_lines.customer_id) as codes_count,
        count(first_order_lines.discount_code) over () as all_codes_count
    from first_order_lines
    left join products on first_order_lines.product_id = products.product_id

),

named_lines as (

    select
        customer_id,
        product_id,
        category,
        all_codes_count,
        case when codes_count = 0 and all_codes_count > 0 then 'none' else discount_code end as discount_code
    from lines

)

{% for attribute, column in several -%}
select distinct
    customer_id,
    '{{ attribute }}' as attribute,
    coalesce({{ column }}, 'unknown') as attribute_value,
    false as is_exclusive
from named_lines
{%- if attribute == 'first_discount_code' %}
where discount_code is not null or all_codes_count = 0
{%- endif %}

union all

{% endfor -%}
{% for attribute, column in single -%}
select
    customer_id,
    '{{ attribute }}' as attribute,
    coalesce({{ column }}, 'unknown') as attribute_value,
    true as is_exclusive
from first_orders
{%- if not loop.last %}

union all

{% endif -%}
{% endfor %}

{%- set value = ['attribute', 'attribute_value', 'is_exclusive', 'is_delivered'] | join(', ') -%}
with customer_ages as (

    select * from {{ ref('int_customer_ages') }}

),

first_order_attributes as (

    select * from {{ ref('int_first_order_attributes') }}

),

delivered as (

    select distinct attribute
    from first_order_attributes
    where attribute_value <> 'unknown'

),

valued as (

    select
        customer_ages.*,
        first_order_attributes.attribute,
        first_order_attributes.attribute_value,
        first_order_attributes.is_exclusive,
        delivered.attribute is not null as is_delivered
    from first_order_attributes
    inner join customer_ages on first_order_attributes.customer_id = customer_ages.customer_id
    left join delivered on first_order_attributes.attribute = delivered.attribute

),

summed as (

    select
        {{ value }},
        case when grouping(cohort_month) = 1 then 'all' else {{ as_text('cohort_month') }} end as cohort_month,
        {%- for days in customer_ages() %}
        {%- set old_enough = 'filter (where age_days >= ' ~ days ~ ')' %}
        count(*) {{ old_enough }} as cohort_size_{{ days }}d,
        count(*) filter (where age_days >= {{ days }} and days_to_second <= {{ days }})
            as repurchased_customers_count_{{ days }}d,
        {%- for name in ['orders_count', 'net_amount', 'margin_amount'] %}
        coalesce(sum({{ name }}_{{ days }}d) {{ old_enough }}, 0) as {{ name }}_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}{{ ',' if not loop.last }}
        {%- endfor %}
    from valued
    group by grouping sets (({{ value }}, cohort_month), ({{ value }}))

),

ages as (

    {% for days in customer_ages() -%}
    select
        {{ value }},
        cohort_month,
        {{ days }} as age_days,
        {%- for name in ['cohort_size', 'repurchased_customers_count', 'orders_count', 'net_amount', 'margin_amount'] %}
        {{ name }}_{{ days }}d as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from summed
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    attribute,
    attribute_value,
    cohort_month,
    age_days,
    cohort_size,
    repurchased_customers_count,
    {{ rate('repurchased_customers_count', 'cohort_size') }} as repurchase_rate,
    cast(orders_count as bigint) as orders_count,
    {{ money('net_amount') }} as cumulative_net_amount,
    {{ exact_average('net_amount', 'cohort_size') }} as cumulative_net_amount_per_customer,
    {{ money('margin_amount') }} as cumulative_margin_amount,
    {{ exact_average('margin_amount', 'cohort_size') }} as cumulative_margin_amount_per_customer,
    is_exclusive,
    cohort_size < 30 as is_small,
    case
        when not is_delivered then 'not_delivered'
        when cohort_size = 0 then 'no_customer_old_enough'
        else 'ok'
    end as status
from ages

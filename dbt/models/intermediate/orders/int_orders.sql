{# One row per sale document as it stands at as_of_date. Its completed lines count; where it has none, the cancelled or
  test ones. Nearly every document has one customer, one status and one day. One that has more is an order of the first
  day by which its lines come to a positive amount for a known customer, and of the customer who bought first; later
  lines add to its amounts and change neither, so that the history of a day never depends on what came after it. #}
{%- set keys = ['order_id', 'customer_id', 'ordered_at', 'order_date', 'channel', 'store_id', 'source', 'order_status'] -%}
{%- set amounts = ['quantity', 'gross_amount', 'discount_amount', 'net_amount', 'margin_amount', 'own_net_amount'] -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

order_days as (

    select
        {{ (keys + ['currency', 'sale_lines_count as lines_count'] + amounts) | join(', ') }}
    from {{ resolved(ref('int_order_days')) }}
    where sale_lines_count > 0 and order_date <= (select as_of_date from run_dates)

),

split_orders as (

    select order_id, max(case when order_status = 'completed' then 1 else 0 end) as has_completed
    from order_days
    group by order_id
    having count(*) > 1

),

parts as (

    select
        order_days.*,
        sum(order_days.net_amount) over days_so_far as net_amount_so_far,
        count(order_days.customer_id) over days_so_far as known_customers_so_far
    from order_days
    inner join split_orders
        on order_days.order_id = split_orders.order_id
        and (order_days.order_status = 'completed' or split_orders.has_completed = 0)
    window days_so_far as (partition by order_days.order_id order by order_days.order_date)

),

first_customers as (

    select order_id, customer_id
    from parts
    where customer_id is not null
    qualify row_number() over (partition by order_id order by ordered_at, customer_id) = 1

),

days as (

    select
        order_id,
        min(case when order_status = 'completed' and net_amount_so_far > 0 and known_customers_so_far > 0
            then order_date end) as valid_date,
        min(order_date) as first_date
    from parts
    group by order_id

),

joined as (

    select
        parts.order_id,
        min(first_customers.customer_id) as customer_id,
        {%- for name in keys[2:] %}
        min(parts.{{ name }}) filter (where parts.order_date = coalesce(days.valid_date, days.first_date)) as {{ name }},
        {%- endfor %}
        cast(sum(parts.lines_count) as bigint) as lines_count,
        {%- for name in amounts %}
        {{ money('sum(parts.' ~ name ~ ')') }} as {{ name }},
        {%- endfor %}
        {{ money('sum(parts.net_amount) filter (where parts.order_date <= coalesce(days.valid_date, days.first_date))') }}
            as net_amount_on_order_date,
        case when min(parts.currency) = max(parts.currency) then min(parts.currency) end as currency,
        min(days.valid_date) is not null as is_valid
    from parts
    inner join days on parts.order_id = days.order_id
    left join first_customers on parts.order_id = first_customers.order_id
    group by parts.order_id

)

select
    {{ (keys + ['lines_count'] + amounts) | join(', ') }},
    net_amount as net_amount_on_order_date,
    currency,
    customer_id is not null and order_status = 'completed' and net_amount > 0 as is_valid
from order_days
where order_id not in (select order_id from split_orders)

union all

select {{ (keys + ['lines_count'] + amounts) | join(', ') }}, net_amount_on_order_date, currency, is_valid
from joined

with customers as (

    select * from {{ ref('fct_customer_rfm') }}

),

segments as (

    select
        as_of_date,
        rfm_window,
        rfm_segment,
        min(scoring_method) as scoring_method,
        count(*) as customers_count,
        cast(sum(frequency) as bigint) as orders_count,
        {{ money('sum(monetary_amount)') }} as net_amount,
        cast(sum(recency_days) as bigint) as recency_days
    from customers
    group by as_of_date, rfm_window, rfm_segment

),

shared as (

    select
        *,
        sum(customers_count) over (partition by as_of_date, rfm_window) as all_customers_count,
        sum(net_amount) over (partition by as_of_date, rfm_window) as all_net_amount
    from segments

)

select
    as_of_date,
    rfm_window,
    rfm_segment,
    scoring_method,
    customers_count,
    {{ rate('customers_count', 'all_customers_count') }} as share_rate,
    orders_count,
    net_amount,
    {{ rate('net_amount', 'all_net_amount') }} as net_share_rate,
    {{ exact_average('net_amount', 'orders_count') }} as average_order_amount,
    {{ exact_average('recency_days', 'customers_count') }} as average_recency_days,
    {{ exact_average('orders_count', 'customers_count') }} as average_frequency
from shared

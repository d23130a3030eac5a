with clusters as (

{{ latest_results('customer_clusters', 'customer_clusters', current_only=true) }}

),

customer_rfm as (

    select * from {{ ref('fct_customer_rfm') }}
    where rfm_window = '365d'

),

counted as (

    select
        clusters.as_of_date,
        clusters.cluster_id,
        clusters.cluster_name,
        count(*) as customers_count,
        cast(coalesce(sum(customer_rfm.frequency), 0) as bigint) as orders_count_365d,
        {{ money('coalesce(sum(customer_rfm.monetary_amount), 0)') }} as net_amount_365d,
        cast(median(customer_rfm.recency_days) as double) as median_recency_days
    from clusters
    left join customer_rfm
        on clusters.customer_id = customer_rfm.customer_id and clusters.as_of_date = customer_rfm.as_of_date
    group by clusters.as_of_date, clusters.cluster_id, clusters.cluster_name

)

select
    as_of_date,
    cluster_id,
    cluster_name,
    customers_count,
    {{ rate('customers_count', 'sum(customers_count) over (partition by as_of_date)') }} as share_rate,
    orders_count_365d,
    {{ exact_average('orders_count_365d', 'customers_count') }} as average_orders_365d,
    net_amount_365d,
    {{ rate('net_amount_365d', 'sum(net_amount_365d) over (partition by as_of_date)') }} as net_share_rate,
    median_recency_days
from counted

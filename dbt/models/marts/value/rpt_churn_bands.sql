with churn_scores as (

{{ latest_results('churn_scores', 'churn_scores', current_only=true) }}

),

customer_rfm as (

    select * from {{ ref('fct_customer_rfm') }}
    where rfm_window = '365d'

),

bands as (

    select
        churn_scores.as_of_date,
        churn_scores.churn_band,
        count(*) as customers_count,
        {{ money('coalesce(sum(customer_rfm.monetary_amount), 0)') }} as net_amount_365d
    from churn_scores
    left join customer_rfm
        on churn_scores.customer_id = customer_rfm.customer_id and churn_scores.as_of_date = customer_rfm.as_of_date
    group by churn_scores.as_of_date, churn_scores.churn_band

)

select
    as_of_date,
    churn_band,
    churn_band in ('high', 'critical') as is_high_risk,
    customers_count,
    {{ rate('customers_count', 'sum(customers_count) over (partition by as_of_date)') }} as share_rate,
    net_amount_365d,
    {{ rate('net_amount_365d', 'sum(net_amount_365d) over (partition by as_of_date)') }} as net_share_rate
from bands

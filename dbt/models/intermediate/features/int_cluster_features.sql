-- One row per customer with a valid order: what customers are grouped by, as of as_of_date.
with rfm as (

    select customer_id, as_of_date, recency_days, frequency, cast(monetary_amount as double) as monetary_amount
    from {{ ref('fct_customer_rfm') }}
    where as_of_date = (select as_of_date from {{ ref('int_run_dates') }})
        and rfm_window = 'lifetime' and frequency > 0

),

behaviour as (

    select * from {{ ref('int_churn_features') }}
    where snapshot_date = (select as_of_date from {{ ref('int_run_dates') }})

)

select
    rfm.customer_id,
    rfm.as_of_date,
    rfm.recency_days,
    rfm.frequency,
    rfm.monetary_amount,
    behaviour.net_amount_per_order,
    behaviour.lines_per_order,
    behaviour.discount_rate,
    behaviour.return_rate,
    behaviour.gap_mean_days,
    behaviour.weekend_rate
from rfm
left join behaviour on rfm.customer_id = behaviour.customer_id

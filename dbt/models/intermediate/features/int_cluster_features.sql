-- What customers with a valid order are grouped by, as of as_of_date.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

rfm as (

    select * from {{ ref('int_customer_rfm_windows') }}
    where as_of_date = (select as_of_date from run_dates) and rfm_window = 'lifetime' and frequency > 0

),

features as (

    select * from {{ ref('int_churn_features') }}
    where snapshot_date = (select as_of_date from run_dates)

)

select
    rfm.customer_id,
    rfm.as_of_date,
    rfm.recency_days,
    rfm.frequency,
    cast(rfm.monetary_amount as double) as monetary_amount,
    features.net_amount_per_order,
    features.lines_per_order,
    features.discount_rate,
    features.return_rate,
    features.gap_mean_days,
    features.weekend_rate
from rfm
left join features on rfm.customer_id = features.customer_id

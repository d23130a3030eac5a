with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

gaps as (

    select {{ days_between('order_date', 'previous_order_date') }} as gap_days
    from {{ ref('int_customer_purchase_days') }}
    where previous_order_date is not null

),

estimated as (

    select
        count(*) as gaps_count,
        cast(percentile_cont(0.9) within group (order by gap_days) as double) as gap_days_p90
    from gaps

)

select
    run_dates.as_of_date,
    cast({{ var('churn_horizon_days') }} as integer) as churn_horizon_days,
    estimated.gaps_count,
    estimated.gap_days_p90,
    cast(ceil(estimated.gap_days_p90 / 30) * 30 as integer) as estimated_horizon_days
from estimated
cross join run_dates

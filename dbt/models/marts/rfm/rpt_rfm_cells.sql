with customer_rfm as (

    select * from {{ ref('fct_customer_rfm') }}
    where r_score is not null

),

cells as (

    select
        as_of_date,
        rfm_window,
        r_score,
        fm_score,
        min(rfm_segment) as rfm_segment,
        count(*) as customers_count,
        {{ money('sum(monetary_amount)') }} as net_amount
    from customer_rfm
    group by as_of_date, rfm_window, r_score, fm_score

)

select
    as_of_date,
    rfm_window,
    r_score,
    fm_score,
    rfm_segment,
    customers_count,
    net_amount,
    {{ rate('net_amount', 'sum(net_amount) over (partition by as_of_date, rfm_window)') }} as net_share_rate
from cells

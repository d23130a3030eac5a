with customers as (

    select * from {{ ref('fct_customer_rfm') }}
    where as_of_date in (select as_of_date from {{ ref('int_as_of_dates') }} where is_month_end)

),

moves as (

    select
        customer_id,
        {{ month_of('as_of_date') }} as month,
        rfm_window,
        rfm_segment as to_segment,
        scoring_method as to_scoring_method,
        lag(rfm_segment) over (partition by customer_id, rfm_window order by as_of_date) as from_segment,
        lag(scoring_method) over (partition by customer_id, rfm_window order by as_of_date) as from_scoring_method
    from customers

)

select
    month,
    rfm_window,
    from_segment,
    to_segment,
    from_scoring_method,
    to_scoring_method,
    case when from_scoring_method = to_scoring_method then count(*) end as customers_count
from moves
where from_segment is not null
group by month, rfm_window, from_segment, to_segment, from_scoring_method, to_scoring_method

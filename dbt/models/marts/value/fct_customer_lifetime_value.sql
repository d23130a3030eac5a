with customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

results as (

{{ latest_results('lifetime_values', 'lifetime_values') }}

),

historic as (

    select results.customer_id, results.as_of_date, {{ money('sum(days.margin_amount)') }} as historic_margin_amount
    from results
    inner join customer_daily as days
        on results.customer_id = days.customer_id and results.as_of_date >= days.order_date
    group by results.customer_id, results.as_of_date

)

select
    results.customer_id,
    results.as_of_date,
    results.p_alive,
    results.expected_orders_3m,
    results.expected_orders_12m,
    results.expected_orders_24m,
    results.expected_order_amount,
    results.clv_3m_amount,
    results.clv_12m_amount,
    results.clv_24m_amount,
    results.expected_next_order_date,
    results.due_date,
    results.overdue_date,
    historic.historic_margin_amount,
    results.status,
    results.model_run_id
from results
left join historic on results.customer_id = historic.customer_id and results.as_of_date = historic.as_of_date

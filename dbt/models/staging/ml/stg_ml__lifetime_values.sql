select
    as_of_date,
    model_run_id,
    customer_id,
    p_alive,
    expected_orders_3m,
    expected_orders_12m,
    expected_orders_24m,
    expected_order_amount,
    clv_3m_amount,
    clv_12m_amount,
    clv_24m_amount,
    expected_next_order_date,
    due_date,
    overdue_date,
    status
from {{ source('ml', 'lifetime_values') }}

with scores as (

{{ latest_results('churn_scores', 'churn_scores') }}

),

-- the date is the lifetime-value model's, told beside the risk because both are acted on together
lifetime_values as (

{{ latest_results('lifetime_values', 'lifetime_values') }}

)

select
    scores.customer_id,
    scores.as_of_date,
    scores.churn_probability,
    scores.churn_band,
    scores.reason_1,
    scores.reason_2,
    scores.reason_3,
    lifetime_values.expected_next_order_date,
    scores.model_run_id
from scores
left join lifetime_values
    on scores.customer_id = lifetime_values.customer_id and scores.as_of_date = lifetime_values.as_of_date

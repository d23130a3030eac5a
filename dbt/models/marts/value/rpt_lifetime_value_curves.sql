with results as (

{{ latest_results('lifetime_value_curves', 'lifetime_values') }}

)

select
    as_of_date, model, origin_date, ranked_by, decile, customers_count, expected_orders, actual_orders,
    {{ money('expected_amount') }} as expected_amount,
    {{ money('actual_amount') }} as actual_amount,
    model_run_id
from results

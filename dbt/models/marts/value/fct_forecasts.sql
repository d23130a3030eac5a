with results as (

{{ latest_results('forecasts', 'forecasts') }}

)

select
    as_of_date,
    series,
    tier,
    month,
    months_ahead,
    model,
    expected as expected_value,
    low_80 as low_80_value,
    high_80 as high_80_value,
    low_95 as low_95_value,
    high_95 as high_95_value,
    origins_count,
    error as mean_absolute_scaled_error,
    naive_error as naive_scaled_error,
    coverage_80 as coverage_80_rate,
    coverage_95 as coverage_95_rate,
    status,
    model_run_id
from results

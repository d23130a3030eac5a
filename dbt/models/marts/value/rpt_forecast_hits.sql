with results as (

{{ latest_results('forecast_hits', 'forecasts') }}

)

select
    as_of_date,
    series,
    tier,
    last_day(origin_month) as origin_date,
    month,
    months_ahead,
    model,
    expected as expected_value,
    low_80 as low_80_value,
    high_80 as high_80_value,
    low_95 as low_95_value,
    high_95 as high_95_value,
    actual as actual_value,
    naive as naive_value,
    scale as naive_scale_value,
    actual between low_80 and high_80 as is_in_80,
    actual between low_95 and high_95 as is_in_95,
    is_judged,
    model_run_id
from results
where as_of_date = (select max(as_of_date) from results)

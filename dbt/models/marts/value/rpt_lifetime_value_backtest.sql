with curves as (

{{ latest_results('lifetime_value_curves', 'lifetime_values', current_only=true) }}

),

deciles as (

    select
        as_of_date,
        model,
        11 - decile as decile,
        count(*) as origins_count,
        cast(sum(customers_count) as bigint) as customers_count,
        {{ money('sum(expected_amount)') }} as expected_amount,
        {{ money('sum(actual_amount)') }} as actual_amount
    from curves
    where ranked_by = 'amount'
    group by as_of_date, model, 11 - decile

)

select
    as_of_date,
    model,
    decile,
    origins_count,
    customers_count,
    expected_amount,
    actual_amount,
    {{ exact_average('expected_amount', 'customers_count') }} as average_expected_amount,
    {{ exact_average('actual_amount', 'customers_count') }} as average_actual_amount
from deciles

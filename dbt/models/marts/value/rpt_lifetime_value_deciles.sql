with lifetime_values as (

{{ latest_results('lifetime_values', 'lifetime_values', current_only=true) }}

),

values_by_horizon as (

    select customer_id, as_of_date, 3 as horizon_months, clv_3m_amount as clv_amount
    from lifetime_values
    union all
    select customer_id, as_of_date, 12 as horizon_months, clv_12m_amount as clv_amount
    from lifetime_values
    union all
    select customer_id, as_of_date, 24 as horizon_months, clv_24m_amount as clv_amount
    from lifetime_values

),

ranked as (

    select
        *,
        ntile(10) over (partition by as_of_date, horizon_months order by clv_amount desc) as decile
    from values_by_horizon
    where clv_amount is not null

),

deciles as (

    select
        as_of_date,
        horizon_months,
        decile,
        count(*) as customers_count,
        {{ money('sum(clv_amount)') }} as clv_amount
    from ranked
    group by as_of_date, horizon_months, decile

)

select
    as_of_date,
    horizon_months,
    decile,
    customers_count,
    clv_amount,
    {{ exact_average('clv_amount', 'customers_count') }} as average_clv_amount,
    {{ rate('clv_amount', 'sum(clv_amount) over (partition by as_of_date, horizon_months)') }} as clv_share_rate
from deciles

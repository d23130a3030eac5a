{#
  One row per cohort, unit, period and last complete period of the customers: who ordered in the period and what they
  brought. Kept apart by last complete period, so that a rate can leave out customers who are not old enough.
#}
with cohort_days as {{ computed_anew() }} (

    select * from {{ ref('int_cohort_days') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_periods as (

{% for unit, period, last_period, last_complete_period in period_units() %}
    select
        customer_id,
        cohort_month,
        '{{ unit }}' as period_unit,
        {{ period }} as period,
        {{ last_complete_period }} as last_complete_period,
        max(case when has_valid_order then 1 else 0 end) as is_active,
        sum(net_amount) as net_amount
    from cohort_days
    cross join run_dates
    group by 1, 2, 3, 4, 5
    {% if not loop.last %}union all{% endif %}
{% endfor %}

)

select
    cohort_month,
    period_unit,
    period,
    last_complete_period,
    cast(sum(is_active) as bigint) as active_customers_count,
    {{ money('sum(net_amount)') }} as net_amount
from customer_periods
group by cohort_month, period_unit, period, last_complete_period

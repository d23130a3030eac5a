-- One row per cohort, unit and age of its customers: how many there are, and which periods they have seen.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customers as (

    select * from {{ ref('int_customers') }}
    where cohort_month is not null

)

{% for unit, period, last_period, last_complete_period in period_units('first_order_date') %}
select
    cohort_month,
    '{{ unit }}' as period_unit,
    {{ last_period }} as last_period,
    {{ last_complete_period }} as last_complete_period,
    count(*) as customers_count
from customers
cross join run_dates
group by 1, 2, 3, 4
{% if not loop.last %}union all{% endif %}
{% endfor %}

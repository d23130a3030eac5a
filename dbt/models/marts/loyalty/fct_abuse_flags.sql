-- Each flag is a plain count against a threshold of the settings, in the window that ends with as_of_date.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

flags as (

    {% for model in ['int_abuse_returns', 'int_abuse_redemptions', 'int_abuse_contacts', 'int_abuse_shopping'] -%}
    select customer_id, flag, subject, first_date, last_date, measured, threshold, evidence from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    flags.customer_id,
    flags.flag,
    flags.subject,
    run_dates.as_of_date,
    cast(flags.first_date as date) as first_date,
    cast(flags.last_date as date) as last_date,
    flags.measured as measured_value,
    cast(flags.threshold as double) as threshold_value,
    flags.evidence
from flags
cross join run_dates

with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

told as (

    {% for name, value, description in told_settings() %}
    select
        {{ text_literal(name) }} as setting,
        {{ as_text('null') if value is none else text_literal(value | string) }} as value,
        {{ text_literal(description) }} as description
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    told.setting,
    told.value,
    told.description,
    run_dates.as_of_date
from told
cross join run_dates

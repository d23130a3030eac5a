with alert_values as (

    select * from {{ ref('int_alert_values') }}

),

reference_days as (

    select * from {{ ref('int_alert_reference_days') }}

),

first_judgements as (

    select * from {{ ref('int_alert_first_judgements') }}

),

usual_values as (

    select alert_values.*
    from alert_values
    left join first_judgements
        on alert_values.series = first_judgements.series
        and alert_values.source = first_judgements.source
        and alert_values.channel = first_judgements.channel
        and alert_values.date_day = first_judgements.date_day
    where not coalesce(first_judgements.is_flagged, false)

),

{{ alert_expectations('usual_values') }},

{{ alert_judgements() }}

select
    series,
    source,
    channel,
    date_day,
    value,
    references_count,
    expected_value,
    scale_value,
    z_score,
    change_rate,
    is_under_minimum,
    reason,
    is_flagged
from judged

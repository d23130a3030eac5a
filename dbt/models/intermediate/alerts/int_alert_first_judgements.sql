{#
  Every day judged by all of its reference days. What stands out here is no reference for later days: one wrong day would
  otherwise hide the next.
#}
with alert_values as (

    select * from {{ ref('int_alert_values') }}

),

reference_days as (

    select * from {{ ref('int_alert_reference_days') }}

),

{{ alert_expectations('alert_values') }},

{{ alert_judgements() }}

select series, source, channel, date_day, is_flagged
from judged

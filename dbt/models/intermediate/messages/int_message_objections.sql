{#
  One row per occasion that no earlier run has created a message for, and what speaks against writing to the customer
  about it, NULL where nothing does. The permanent holdout is told of its points and tiers, not
  won back. A run as of a day before that of messages already created only looks back.
#}
{%- set has_channel = 'true' if var('messages', {}).get('channel') else 'false' -%}
with run_dates as (

    select as_of_date from {{ ref('int_run_dates') }}

),

earlier as (

    select * from {{ source('ops', 'earlier_messages') }}

),

told as (

    select distinct earlier.customer_id, earlier.trigger, earlier.subject
    from earlier
    inner join run_dates
        on earlier.as_of_date > {{ add_days('run_dates.as_of_date', -setting('messages', 'repeat_days')) }}

)

select
    triggers.*,
    run_dates.as_of_date,
    recipients.language,
    case
        when recipients.withheld_reason is not null then recipients.withheld_reason
        when triggers.trigger = 'win_back' and holdout.customer_id is not null then 'holdout'
        when told.customer_id is not null then 'told_already'
        when run_dates.as_of_date < (select max(as_of_date) from earlier) then 'past_day'
        when not {{ has_channel }} then 'no_channel'
    end as reason
from {{ ref('int_message_triggers') }} as triggers
cross join run_dates
inner join {{ ref('int_message_recipients') }} as recipients on triggers.customer_id = recipients.customer_id
left join {{ ref('int_permanent_holdout') }} as holdout on triggers.customer_id = holdout.customer_id
left join told
    on triggers.customer_id = told.customer_id
    and triggers.trigger = told.trigger
    and triggers.subject = told.subject
where triggers.message_id not in (select message_id from earlier)

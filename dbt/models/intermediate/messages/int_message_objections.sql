{#
  The occasions that no earlier run has created a message for, and what speaks against writing to the customer about
  each, NULL where nothing does. The permanent holdout gets messages about its points and tiers, and is neither
  reminded to buy nor won back. A run as of a day before that of messages already created only looks back.
#}
{%- set has_channel = 'true' if var('messages', {}).get('channel') else 'false' -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

triggers as (

    select * from {{ ref('int_message_triggers') }}

),

recipients as (

    select * from {{ ref('int_message_recipients') }}

),

holdout as (

    select * from {{ ref('int_permanent_holdout') }}

),

earlier_messages as (

    select * from {{ resolved(ref('stg_ops__earlier_messages')) }}

),

recent as (

    select distinct earlier_messages.customer_id, earlier_messages.trigger, earlier_messages.subject
    from earlier_messages
    inner join run_dates
        on earlier_messages.as_of_date > {{ add_days('run_dates.as_of_date', -setting('messages', 'repeat_days')) }}

)

select
    triggers.*,
    run_dates.as_of_date,
    recipients.language,
    case
        when recipients.withheld_reason is not null then recipients.withheld_reason
        when triggers.trigger in ('replenishment', 'next_purchase', 'win_back') and holdout.customer_id is not null then 'holdout'
        when recent.customer_id is not null then 'told_already'
        when run_dates.as_of_date < (select max(as_of_date) from earlier_messages) then 'past_day'
        when not {{ has_channel }} then 'no_channel'
    end as reason
from triggers
cross join run_dates
inner join recipients on triggers.customer_id = recipients.customer_id
left join holdout on triggers.customer_id = holdout.customer_id
left join recent
    on triggers.customer_id = recent.customer_id
    and triggers.trigger = recent.trigger
    and triggers.subject = recent.subject
where triggers.message_id not in (select message_id from earlier_messages)

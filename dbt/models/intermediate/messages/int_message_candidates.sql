{#
  One row per occasion that no earlier run has created a message for, and why none is created now; NULL where one is.
  A customer's most important occasions come first, as far as the cap leaves room beside the messages of the last days.
#}
{%- set channel = var('messages', {}).get('channel') -%}
with run_dates as (

    select as_of_date from {{ ref('int_run_dates') }}

),

triggers as (

    select * from {{ ref('int_message_triggers') }}

),

earlier as (

    select * from {{ source('ops', 'earlier_messages') }}

),

recent as (

    select earlier.customer_id, count(*) as messages_count
    from earlier
    inner join run_dates
        on earlier.as_of_date <= run_dates.as_of_date
        and earlier.as_of_date > {{ add_days('run_dates.as_of_date', -setting('messages', 'cap_days')) }}
    group by earlier.customer_id

),

told as (

    select distinct earlier.customer_id, earlier.trigger, earlier.subject
    from earlier
    inner join run_dates
        on abs({{ days_between('run_dates.as_of_date', 'earlier.as_of_date') }}) < {{ setting('messages', 'repeat_days') }}

),

judged as (

    select
        triggers.*,
        run_dates.as_of_date,
        recipients.language,
        coalesce(recent.messages_count, 0) as recent_count,
        case
            when recipients.withheld_reason is not null then recipients.withheld_reason
            when told.customer_id is not null then 'told_already'
            when {{ 'false' if channel else 'true' }} then 'no_channel'
        end as reason
    from triggers
    cross join run_dates
    inner join {{ ref('int_message_recipients') }} as recipients on triggers.customer_id = recipients.customer_id
    left join recent on triggers.customer_id = recent.customer_id
    left join told
        on triggers.customer_id = told.customer_id
        and triggers.trigger = told.trigger
        and triggers.subject = told.subject
    where triggers.message_id not in (select message_id from earlier)

),

placed as (

    select
        *,
        row_number() over (
            partition by customer_id, reason is null
            order by priority, event_date, subject
        ) as place
    from judged

)

select
    message_id,
    customer_id,
    trigger,
    subject,
    event_date,
    template,
    language,
    {{ "'" ~ channel ~ "'" if channel else as_text('null') }} as channel,
    payload,
    as_of_date,
    least(useful_until, {{ add_days('as_of_date', setting('messages', 'valid_days')) }}) as valid_until,
    case
        when reason is not null then reason
        when place + recent_count > {{ setting('messages', 'cap_messages') }} then 'frequency_cap'
    end as reason
from placed

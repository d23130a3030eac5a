{#
  The occasions without a message so far, and why none is created now; NULL where one is. A customer's most important
  occasions come first, as far as the cap leaves room beside the messages of the last days.
#}
{%- set channel = var('messages', {}).get('channel') -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

earlier_messages as (

    select * from {{ resolved(ref('stg_ops__earlier_messages')) }}

),

objections as (

    select * from {{ ref('int_message_objections') }}

),

recent as (

    select earlier_messages.customer_id, count(*) as messages_count
    from earlier_messages
    inner join run_dates
        on earlier_messages.as_of_date > {{ add_days('run_dates.as_of_date', -setting('messages', 'cap_days')) }}
    group by earlier_messages.customer_id

),

placed as (

    select
        objections.*,
        coalesce(recent.messages_count, 0) + row_number() over (
            partition by objections.customer_id, objections.reason is null
            order by objections.priority, objections.event_date, objections.subject
        ) as place
    from objections
    left join recent on objections.customer_id = recent.customer_id

)

select
    message_id,
    customer_id,
    trigger,
    subject,
    event_date,
    template,
    language,
    {{ text_literal(channel) if channel else as_text('null') }} as channel,
    payload,
    as_of_date,
    least(useful_until, {{ add_days('as_of_date', setting('messages', 'valid_days')) }}) as valid_until,
    case
        when reason is not null then reason
        when place > {{ setting('messages', 'cap_messages') }} then 'frequency_cap'
    end as reason
from placed

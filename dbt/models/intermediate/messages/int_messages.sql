-- The messages that this run and earlier ones created, with what became of them.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

messages as (

    select * from {{ resolved(ref('stg_ops__messages')) }}

),

deliveries as (

    select * from {{ ref('int_message_deliveries') }}

)

select
    messages.message_id,
    messages.customer_id,
    messages.trigger,
    messages.subject,
    messages.as_of_date,
    messages.channel,
    messages.template,
    messages.language,
    messages.payload,
    coalesce(deliveries.outcome, 'pending') as status,
    deliveries.reason,
    {{ local_to_utc('cast(' ~ add_days('messages.as_of_date', 1) ~ ' as timestamp)') }} as created_at,
    deliveries.sent_at,
    coalesce(deliveries.attempts_count, 0) as attempts_count
from messages
inner join run_dates on messages.as_of_date <= run_dates.as_of_date
left join deliveries on messages.message_id = deliveries.message_id

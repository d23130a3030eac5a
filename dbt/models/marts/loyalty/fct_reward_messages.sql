with posted as (

    select messages.*
    from {{ source('ops', 'messages') }} as messages
    inner join {{ ref('int_run_dates') }} as run_dates on messages.as_of_date <= run_dates.as_of_date

),

deliveries as (

    select * from {{ ref('int_message_deliveries') }}

)

select
    posted.message_id,
    posted.customer_id,
    posted.trigger,
    posted.subject,
    posted.as_of_date,
    posted.channel,
    posted.template,
    posted.language,
    posted.payload,
    coalesce(deliveries.outcome, 'pending') as status,
    deliveries.reason,
    {{ local_to_utc('cast(' ~ add_days('posted.as_of_date', 1) ~ ' as timestamp)') }} as created_at,
    deliveries.sent_at,
    coalesce(deliveries.attempts_count, 0) as attempts_count
from posted
left join deliveries on posted.message_id = deliveries.message_id

union all

select
    message_id,
    customer_id,
    trigger,
    subject,
    as_of_date,
    channel,
    template,
    language,
    payload,
    'held_back' as status,
    reason,
    cast(null as timestamp) as created_at,
    cast(null as timestamp) as sent_at,
    0 as attempts_count
from {{ ref('int_message_candidates') }}
where reason is not null

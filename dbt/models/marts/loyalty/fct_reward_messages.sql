with messages as (

    select * from {{ ref('int_messages') }}

),

held_back as (

    select * from {{ ref('int_message_candidates') }}
    where reason is not null

)

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
    status,
    reason,
    created_at,
    sent_at,
    attempts_count
from messages

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
from held_back

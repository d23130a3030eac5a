select
    message_id,
    customer_id,
    trigger,
    subject,
    event_date,
    template,
    language,
    channel,
    payload,
    as_of_date,
    valid_until
from {{ source('ops', 'messages') }}

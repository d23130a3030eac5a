select
    message_id,
    customer_id,
    trigger,
    subject,
    as_of_date
from {{ source('ops', 'earlier_messages') }}

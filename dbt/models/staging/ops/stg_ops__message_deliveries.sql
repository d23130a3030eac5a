select
    message_id,
    attempt,
    attempted_at,
    outcome,
    reason
from {{ source('ops', 'message_deliveries') }}

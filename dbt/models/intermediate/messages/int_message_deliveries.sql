{# One row per message that delivery has dealt with: how often, what came of it last, and when the receiver accepted. #}
select
    message_id,
    count(*) as attempts_count,
    max_by(outcome, attempt) as outcome,
    max_by(reason, attempt) as reason,
    max(attempted_at) filter (where outcome = 'sent') as sent_at
from {{ source('ops', 'message_deliveries') }}
group by message_id

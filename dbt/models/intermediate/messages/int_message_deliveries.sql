with deliveries as (

    select * from {{ ref('stg_ops__message_deliveries') }}

)

select
    message_id,
    count(*) as attempts_count,
    max_by(outcome, attempt) as outcome,
    max_by(reason, attempt) as reason,
    max(attempted_at) filter (where outcome = 'sent') as sent_at
from deliveries
group by message_id

with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

changed as (

    select * from {{ ref('int_customer_tiers') }}
    where is_current and tier <> previous_tier

),

next_tiers as (

    select * from {{ ref('int_next_tiers') }}

)

select
    changed.customer_id,
    case when changed.reason = 'upgrade' then 'tier_up' else 'tier_down' end as template,
    changed.tier as subject,
    changed.valid_from as event_date,
    cast(null as date) as useful_until,
    {{ json_record(['tier', 'previous_tier', 'expires_on', 'amount_to_next_tier']) }} as payload
from changed
inner join run_dates
    on changed.valid_from > {{ add_days('run_dates.as_of_date', -setting('messages', 'tier_change_days')) }}
left join next_tiers on changed.customer_id = next_tiers.customer_id

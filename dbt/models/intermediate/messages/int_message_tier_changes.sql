{# One row per customer who came into another tier in the last days. #}
with run_dates as (

    select as_of_date from {{ ref('int_run_dates') }}

),

tiers as (

    select * from {{ ref('fct_customer_tiers') }}
    where is_current and tier <> previous_tier

)

select
    tiers.customer_id,
    case when tiers.reason = 'upgrade' then 'tier_up' else 'tier_down' end as template,
    tiers.tier as subject,
    tiers.valid_from as event_date,
    cast(null as date) as useful_until,
    {{ json_record(['tier', 'previous_tier', 'expires_on', 'amount_to_next_tier']) }} as payload
from tiers
inner join run_dates
    on tiers.valid_from > {{ add_days('run_dates.as_of_date', -setting('messages', 'tier_change_days')) }}

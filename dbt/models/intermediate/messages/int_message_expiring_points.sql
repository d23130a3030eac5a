{# There is no use in telling of an expiry afterwards. #}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

lots as (

    select * from {{ ref('int_points_lot_balances') }}

),

expiring as (

    select lots.customer_id, lots.expires_on, cast(sum(lots.remaining_points) as bigint) as points
    from lots
    cross join run_dates
    where
        lots.is_available
        and lots.remaining_points > 0
        and lots.expires_on > run_dates.as_of_date
        and lots.expires_on <= {{ add_days('run_dates.as_of_date', setting('messages', 'points_expiry_days')) }}
    group by lots.customer_id, lots.expires_on

)

select
    customer_id,
    'points_expiry' as template,
    {{ as_text('expires_on') }} as subject,
    expires_on as event_date,
    expires_on as useful_until,
    {{ json_record(['points', 'expires_on']) }} as payload
from expiring

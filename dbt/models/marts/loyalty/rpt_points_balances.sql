with points_ledger as (

    select * from {{ ref('int_points_ledger') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

ledger as (

    select
        customer_id,
        {%- for account in points_accounts() %}
        cast(sum({{ account }}) as bigint) as {{ account }},
        {%- endfor %}
        max(entry_date) as last_entry_date
    from points_ledger
    group by customer_id

),

remaining as (

    select customer_id, expires_on, cast(sum(remaining_points) as bigint) as points
    from {{ ref('int_points_lot_balances') }}
    where is_available and remaining_points > 0
    group by customer_id, expires_on

),

next_expiries as (

    select customer_id, min(expires_on) as expires_on
    from remaining
    group by customer_id

)

select
    ledger.customer_id,
    run_dates.as_of_date,
    ledger.member_pending + ledger.member_available as points_balance,
    ledger.member_pending as pending_points,
    ledger.member_available as available_points,
    greatest(-ledger.member_available, 0) as debt_points,
    -ledger.issued as earned_points,
    -ledger.adjustment as adjusted_points,
    ledger.redeemed as redeemed_points,
    ledger.expired as expired_points,
    ledger.reversed as reversed_points,
    next_expiries.expires_on as next_expiry_on,
    remaining.points as next_expiry_points,
    ledger.last_entry_date
from ledger
cross join run_dates
left join next_expiries on ledger.customer_id = next_expiries.customer_id
left join remaining
    on next_expiries.customer_id = remaining.customer_id and next_expiries.expires_on = remaining.expires_on

-- What is known of customers besides purchases: returns, campaigns, use and feedback before a snapshot. Values are
-- decimals, whose sums do not depend on the order in which rows come.
with snapshots as (

    select * from {{ ref('int_churn_snapshots') }}

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

campaign_members as (

    select * from {{ ref('int_campaign_members') }}

),

redemptions as (

    select * from {{ ref('int_redemptions') }}
    where is_take_back is not true

),

customer_events as (

    select * from {{ ref('int_customer_events') }}

),

customer_feedback as (

    select * from {{ ref('int_customer_feedback') }}

),

signals as (

    select customer_id, order_date as signal_date, 'return' as kind, -return_amount as value
    from customer_daily
    where return_amount < 0

    union all

    select customer_id, member_since, 'contact', 1
    from campaign_members
    where not is_control

    union all

    select customer_id, redemption_date, 'redemption', 1 from redemptions

    union all

    select customer_id, event_date, 'usage', 1 from customer_events

    union all

    select customer_id, feedback_date, 'feedback', {{ money('rating') }} from customer_feedback

)

select
    snapshots.snapshot_date,
    signals.customer_id,
    sum(signals.value) filter (where signals.kind = 'return') as returned_amount_365d,
    sum(signals.value) filter (
        where signals.kind = 'contact' and signals.signal_date > {{ add_days('snapshots.snapshot_date', -90) }}
    ) as campaign_contacts_90d,
    sum(signals.value) filter (where signals.kind = 'redemption') as redemptions_365d,
    sum(signals.value) filter (
        where signals.kind = 'usage' and signals.signal_date > {{ add_days('snapshots.snapshot_date', -90) }}
    ) as usage_events_90d,
    cast(sum(signals.value) filter (where signals.kind = 'feedback') as double)
        / nullif(count(*) filter (where signals.kind = 'feedback'), 0) as feedback_rating_365d
from snapshots
inner join signals
    on signals.signal_date <= snapshots.snapshot_date
    and signals.signal_date > {{ add_days('snapshots.snapshot_date', -365) }}
group by snapshots.snapshot_date, signals.customer_id

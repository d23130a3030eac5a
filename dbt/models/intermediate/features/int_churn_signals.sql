-- One row per snapshot and customer with anything besides purchases: returns, campaigns, use and feedback before it.
-- Values are decimals, whose sums do not depend on the order in which rows come.
with dated as (

    select customer_id, order_date as signal_date, 'return' as kind, -return_amount as value
    from {{ ref('int_customer_daily') }}
    where return_amount < 0

    union all

    select members.customer_id, coalesce({{ business_date('members.assigned_at') }}, campaigns.start_date) as signal_date,
        'contact' as kind, 1 as value
    from {{ accepted(ref('int_campaign_member_versions')) }} as members
    left join {{ accepted(ref('int_campaign_versions')) }} as campaigns on members.campaign_id = campaigns.campaign_id
    where members.arm = 'treatment'

    union all

    select customer_id, redemption_date as signal_date, 'redemption' as kind, 1 as value
    from {{ ref('int_redemptions') }}

    union all

    select customer_id, {{ business_date('occurred_at') }} as signal_date, 'usage' as kind, 1 as value
    from {{ accepted(ref('int_customer_event_versions')) }}

    union all

    select customer_id, {{ business_date('given_at') }} as signal_date, 'feedback' as kind, {{ money('rating') }} as value
    from {{ accepted(ref('int_customer_feedback_versions')) }}

)

select
    snapshots.snapshot_date,
    dated.customer_id,
    sum(dated.value) filter (where dated.kind = 'return') as returned_amount_365d,
    sum(dated.value) filter (
        where dated.kind = 'contact' and dated.signal_date > {{ add_days('snapshots.snapshot_date', -90) }}
    ) as campaign_contacts_90d,
    sum(dated.value) filter (where dated.kind = 'redemption') as redemptions_365d,
    sum(dated.value) filter (
        where dated.kind = 'usage' and dated.signal_date > {{ add_days('snapshots.snapshot_date', -90) }}
    ) as usage_events_90d,
    cast(sum(dated.value) filter (where dated.kind = 'feedback') as double)
        / nullif(count(*) filter (where dated.kind = 'feedback'), 0) as feedback_rating_365d
from {{ ref('int_churn_snapshots') }} as snapshots
inner join dated
    on dated.signal_date <= snapshots.snapshot_date
    and dated.signal_date > {{ add_days('snapshots.snapshot_date', -365) }}
group by snapshots.snapshot_date, dated.customer_id

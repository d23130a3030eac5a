{% set windows = [30, 90, 180, 365] %}
-- One row per snapshot and eligible customer: everything the churn model may know, as of the snapshot, and the label.
-- Windowed figures are per week of what was observed, so that a young history and an old one can be compared.
with churn_breadth as (

    select * from {{ ref('int_churn_breadth') }}

),

purchases as (

    select * from {{ ref('int_churn_purchases') }}

),

signals as (

    select * from {{ ref('int_churn_signals') }}

),

labels as (

    select * from {{ ref('int_churn_labels') }}

)

select
    purchases.snapshot_date,
    purchases.customer_id,
    purchases.recency_days < {{ var('churn_horizon_days') }} as is_active,
    labels.churned,
    purchases.recency_days,
    purchases.tenure_days,
    purchases.orders_14d / 2 as orders_per_week_14d,
    {% for window in windows -%}
    purchases.orders_{{ window }}d * 7 / least({{ window }}, purchases.observed_days) as orders_per_week_{{ window }}d,
    purchases.net_amount_{{ window }}d * 7 / least({{ window }}, purchases.observed_days) as net_amount_per_week_{{ window }}d,
    {% endfor -%}
    {{ pace_ratio('orders_30d', 'orders_180d') }} as orders_trend,
    {{ pace_ratio('net_amount_30d', 'net_amount_180d') }} as net_amount_trend,
    purchases.active_weeks_count / least(12e0, ceil(purchases.observed_days / 7e0)) as active_weeks_rate,
    purchases.active_horizons_count / ceil(least(365, purchases.observed_days) / {{ var('churn_horizon_days') }}e0) as active_horizons_rate,
    purchases.gap_mean_days,
    purchases.gap_std_days,
    purchases.gap_max_days,
    purchases.gap_last_days,
    purchases.long_gaps_count,
    purchases.recency_days / purchases.gap_mean_days as overdue_ratio,
    purchases.fifth_last_order_days,
    cast(purchases.lines_count as double) / purchases.orders_count as lines_per_order,
    cast(purchases.net_amount as double) / purchases.orders_count as net_amount_per_order,
    {{ rate('purchases.discount_amount', 'purchases.gross_amount') }} as discount_rate,
    {{ rate('coalesce(signals.returned_amount_365d, 0)', 'purchases.net_amount') }} as return_rate,
    cast(purchases.weekend_days_count as double) / purchases.purchase_days_count as weekend_rate,
    cast(coalesce(breadth.categories_count, 0) as double) as categories_365d,
    cast(coalesce(signals.campaign_contacts_90d, 0) as double) as campaign_contacts_90d,
    cast(coalesce(signals.redemptions_365d, 0) as double) as redemptions_365d,
    cast(coalesce(signals.usage_events_90d, 0) as double) as usage_events_90d,
    signals.feedback_rating_365d
from purchases
left join signals
    on purchases.snapshot_date = signals.snapshot_date and purchases.customer_id = signals.customer_id
left join churn_breadth as breadth
    on purchases.snapshot_date = breadth.snapshot_date and purchases.customer_id = breadth.customer_id
left join labels
    on purchases.snapshot_date = labels.snapshot_date and purchases.customer_id = labels.customer_id

{% set windows = [30, 90, 180, 365] %}
{% set horizon = var('churn_horizon_days') %}
-- One row per snapshot and eligible customer: what the purchases of the 365 days before it say. One scan of the spine.
with churn_snapshots as (

    select * from {{ ref('int_churn_snapshots') }}

),

feature_days as (

    select * from {{ ref('int_feature_days') }}

),

purchases as (

    select
        snapshots.snapshot_date,
        snapshots.observed_days,
        snapshots.is_label_known,
        days.*,
        {{ days_between('snapshots.snapshot_date', 'days.order_date') }} as age_days
    from churn_snapshots as snapshots
    inner join feature_days as days
        on days.order_date <= snapshots.snapshot_date
        and days.order_date > {{ add_days('snapshots.snapshot_date', -365) }}

)

select
    snapshot_date,
    customer_id,
    min(observed_days) as observed_days,
    bool_and(is_label_known) as is_label_known,
    min(age_days) as recency_days,
    {{ days_between('snapshot_date', 'min(first_order_date)') }} as tenure_days,
    count(*) as purchase_days_count,
    sum(orders_count) as orders_count,
    sum(lines_count) as lines_count,
    sum(net_amount) as net_amount,
    sum(gross_amount) as gross_amount,
    sum(discount_amount) as discount_amount,
    {% for window in [14] + windows -%}
    cast(coalesce(sum(orders_count) filter (where age_days < {{ window }}), 0) as double) as orders_{{ window }}d,
    {% endfor -%}
    {% for window in windows -%}
    cast(coalesce(sum(net_amount) filter (where age_days < {{ window }}), 0) as double) as net_amount_{{ window }}d,
    {% endfor -%}
    {{ count_distinct_numbers('case when age_days < 84 then ' ~ whole_division('age_days', 7) ~ ' end', 11) }}
        as active_weeks_count,
    {{ count_distinct_numbers(whole_division('age_days', horizon), 364 // horizon) }} as active_horizons_count,
    avg(gap_days) as gap_mean_days,
    {{ exact_deviation('gap_days') }} as gap_std_days,
    max(gap_days) as gap_max_days,
    max_by(gap_days, order_date) as gap_last_days,
    count(*) filter (where gap_days >= {{ horizon }}) as long_gaps_count,
    {{ days_between('snapshot_date', 'max_by(fifth_last_order_date, order_date)') }} as fifth_last_order_days,
    count(*) filter (where {{ iso_weekday('order_date') }} >= 6) as weekend_days_count
from purchases
group by snapshot_date, customer_id

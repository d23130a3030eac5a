-- One row per randomized campaign, customer assigned and metric: its value over the campaign's window, and over a window
-- as long that ended the day before the start. Whoever bought nothing counts with zero.
with campaigns as (

    select
        campaigns.campaign_id,
        campaigns.start_date,
        campaigns.end_date,
        {{ days_between('campaigns.end_date', 'campaigns.start_date') }} + 1 as window_days,
        coalesce(plans.treatment_share, campaigns.planned_treatment_share, 0.5) as planned_share
    from {{ accepted(ref('int_campaign_versions')) }} as campaigns
    left join {{ source('ops', 'experiments') }} as plans on campaigns.campaign_id = plans.campaign_id
    where campaigns.is_randomized and campaigns.start_date <= (select as_of_date from {{ ref('int_run_dates') }})

),

members as (

    select campaigns.*, members.customer_id, members.arm
    from {{ accepted(ref('int_campaign_member_versions')) }} as members
    inner join campaigns on members.campaign_id = campaigns.campaign_id
    where members.assigned_at is null
        or {{ business_date('members.assigned_at') }} <= (select as_of_date from {{ ref('int_run_dates') }})

),

windows as (

    select
        members.campaign_id,
        members.customer_id,
        sum(days.margin_amount) filter (where days.order_date >= members.start_date) as margin_amount,
        sum(days.margin_amount) filter (where days.order_date < members.start_date) as pre_margin_amount,
        sum(days.net_amount) filter (where days.order_date >= members.start_date) as net_amount,
        sum(days.net_amount) filter (where days.order_date < members.start_date) as pre_net_amount,
        sum(days.orders_count) filter (where days.order_date >= members.start_date) as orders_count,
        sum(days.orders_count) filter (where days.order_date < members.start_date) as pre_orders_count
    from members
    inner join {{ ref('int_customer_daily') }} as days
        on members.customer_id = days.customer_id
        and days.order_date between {{ add_days('members.start_date', '-members.window_days') }} and members.end_date
        and days.order_date <= (select as_of_date from {{ ref('int_run_dates') }})
    group by members.campaign_id, members.customer_id

)

{% for metric in ['margin_amount', 'net_amount', 'orders_count'] %}
select
    members.campaign_id,
    members.customer_id,
    members.arm,
    '{{ metric }}' as metric,
    coalesce(cast(windows.{{ metric }} as double), 0) as value,
    coalesce(cast(windows.pre_{{ metric }} as double), 0) as pre_value,
    members.planned_share
from members
left join windows on members.campaign_id = windows.campaign_id and members.customer_id = windows.customer_id
{{ 'union all' if not loop.last }}
{% endfor %}

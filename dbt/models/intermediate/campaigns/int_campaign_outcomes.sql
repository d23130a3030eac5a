-- The value of each customer assigned over the campaign's window, and over a window as long that ended the day before the
-- start. Whoever bought nothing counts with zero.
with campaigns as (

    select * from {{ ref('int_campaigns') }}
    where is_randomized

),

campaign_members as (

    select * from {{ ref('int_campaign_members') }}

),

experiments as (

    select * from {{ ref('stg_ops__experiments') }}

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

members as (

    select
        campaigns.campaign_id,
        campaigns.start_date,
        campaigns.end_date,
        {{ days_between('campaigns.end_date', 'campaigns.start_date') }} + 1 as window_days,
        coalesce(experiments.treatment_share, campaigns.planned_treatment_share, 0.5) as planned_share,
        campaign_members.customer_id,
        campaign_members.arm
    from campaigns
    inner join campaign_members on campaigns.campaign_id = campaign_members.campaign_id
    left join experiments on campaigns.campaign_id = experiments.campaign_id

),

windows as (

    select
        members.campaign_id,
        members.customer_id
        {%- for metric in ['margin_amount', 'net_amount', 'orders_count'] %},
        sum(days.{{ metric }}) filter (where days.order_date >= members.start_date) as {{ metric }},
        sum(days.{{ metric }}) filter (where days.order_date < members.start_date) as pre_{{ metric }}
        {%- endfor %}
    from members
    inner join customer_daily as days
        on members.customer_id = days.customer_id
        and days.order_date between {{ add_days('members.start_date', '-members.window_days') }} and members.end_date
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

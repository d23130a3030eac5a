{#
  The value of each customer assigned over the campaign's window, and over one as long that ended the day before the
  assignment. What comes back of the window's orders counts until its return window has closed. Whoever bought nothing
  counts with zero.
#}
{%- set return_window_days = setting('points', 'return_window_days') -%}
with members as (

    select * from {{ ref('int_randomized_members') }}

),

valid_orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

),

order_returns as (

    select * from {{ ref('int_order_returns') }}

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

windows as (

    select
        members.campaign_id,
        members.customer_id
        {%- for metric in ['margin_amount', 'net_amount', 'orders_count'] %},
        sum(days.{{ metric }}) filter (where days.order_date >= members.start_date) as {{ metric }},
        sum(days.{{ metric }}) filter (where days.order_date < members.before_date) as pre_{{ metric }}
        {%- endfor %}
    from members
    inner join customer_daily as days
        on members.customer_id = days.customer_id
        and days.order_date between {{ add_days('members.before_date', '-members.window_days') }} and members.end_date
    group by members.campaign_id, members.customer_id

),

returned_later as (

    select
        members.campaign_id,
        members.customer_id,
        sum(order_returns.return_margin_amount) as margin_amount,
        sum(order_returns.return_amount) as net_amount,
        0 as orders_count
    from members
    inner join valid_orders
        on members.customer_id = valid_orders.customer_id
        and valid_orders.order_date between members.start_date and members.end_date
    inner join order_returns
        on valid_orders.order_id = order_returns.order_id
        and order_returns.return_date > members.end_date
        and order_returns.return_date <= {{ add_days('members.end_date', return_window_days) }}
    group by members.campaign_id, members.customer_id

)

{% for metric in ['margin_amount', 'net_amount', 'orders_count'] %}
select
    members.campaign_id,
    members.customer_id,
    members.arm,
    members.is_control,
    '{{ metric }}' as metric,
    coalesce(cast(windows.{{ metric }} as double), 0) + coalesce(cast(returned_later.{{ metric }} as double), 0) as value,
    coalesce(cast(windows.pre_{{ metric }} as double), 0) as pre_value,
    members.planned_share
from members
left join windows on members.campaign_id = windows.campaign_id and members.customer_id = windows.customer_id
left join returned_later
    on members.campaign_id = returned_later.campaign_id and members.customer_id = returned_later.customer_id
{{ 'union all' if not loop.last }}
{% endfor %}

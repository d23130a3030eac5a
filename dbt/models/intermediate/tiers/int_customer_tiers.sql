-- `[valid_from, valid_to)` is when a tier is held; the customer's last one is open.
with customers as (

    select * from {{ ref('int_tier_members') }}

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

rules as (

    select * from {{ ref('int_tier_rules') }}

),

upgraded as (

    select * from {{ ref('int_tier_states') }}

),

never_upgraded as (

    select
        customers.customer_id,
        customers.enrolled_on as valid_from,
        1 as tier_rank,
        cast(null as date) as expires_on,
        {{ money('coalesce(sum(days.net_amount), 0)') }} as metric_amount,
        'enrolment' as reason
    from customers
    left join customer_daily as days
        on customers.customer_id = days.customer_id
        and days.order_date <= customers.enrolled_on
        and days.order_date > {{ add_days('customers.enrolled_on', -365) }}
    where customers.customer_id not in (select customer_id from upgraded)
    group by customers.customer_id, customers.enrolled_on

),

states as (

    select customer_id, valid_from, tier_rank, expires_on, metric_amount, reason from upgraded
    union all
    select customer_id, valid_from, tier_rank, expires_on, metric_amount, reason from never_upgraded

),

sequenced as (

    select
        *,
        lead(valid_from) over history as valid_to,
        lag(tier_rank) over history as previous_rank,
        lag(valid_from) over history as previous_from,
        max(case when reason = 'downgrade' then valid_from end) over history as downgraded_on
    from states
    window history as (partition by customer_id order by valid_from)

)

select
    sequenced.customer_id,
    sequenced.valid_from,
    sequenced.valid_to,
    granted.tier,
    sequenced.tier_rank,
    sequenced.expires_on,
    previous.tier as previous_tier,
    sequenced.reason,
    sequenced.metric_amount,
    granted.rule_version,
    coalesce(
        sequenced.reason = 'upgrade' and {{ days_between('sequenced.valid_from', 'sequenced.downgraded_on') }} <= 180, false
    ) as is_yo_yo,
    sequenced.valid_to is null as is_current
from sequenced
inner join rules as granted
    on sequenced.tier_rank = granted.tier_rank
    and sequenced.valid_from >= granted.valid_from
    and sequenced.valid_from < granted.valid_to
left join rules as previous
    on sequenced.previous_rank = previous.tier_rank
    and sequenced.previous_from >= previous.valid_from
    and sequenced.previous_from < previous.valid_to

with customer_days as (

    select * from {{ ref('int_customer_daily') }}
    where order_date <= (select as_of_date from {{ ref('int_run_dates') }})

),

states as (

    select customer_id, valid_from, tier_rank, expires_on, metric_amount, reason
    from {{ ref('int_tier_states') }}

    union all

    -- who never reached more than the lowest tier
    select
        customers.customer_id,
        customers.known_since as valid_from,
        1 as tier_rank,
        cast(null as date) as expires_on,
        coalesce(customer_days.net_amount, 0) as metric_amount,
        'enrolment' as reason
    from {{ ref('int_customers') }} as customers
    left join customer_days
        on customers.customer_id = customer_days.customer_id and customers.known_since = customer_days.order_date
    where customers.customer_id not in (select customer_id from {{ ref('int_tier_states') }})

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

),

trailing_sales as (

    select customer_id, {{ money('sum(net_amount)') }} as net_amount
    from customer_days
    where order_date > (select {{ add_days('as_of_date', -365) }} from {{ ref('int_run_dates') }})
    group by customer_id

),

rules_today as (

    select * from {{ ref('int_tier_rules') }}
    where
        valid_from <= (select as_of_date from {{ ref('int_run_dates') }})
        and valid_to > (select as_of_date from {{ ref('int_run_dates') }})

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
    case
        when sequenced.valid_to is null
            then {{ money('rules_today.next_threshold_amount - coalesce(trailing_sales.net_amount, 0)') }}
    end as amount_to_next_tier,
    case
        when sequenced.valid_to is null
            then cast(ceil((rules_today.next_threshold_amount - coalesce(trailing_sales.net_amount, 0)) * rules_today.earn_rate) as bigint)
    end as points_to_next_tier,
    granted.rule_version,
    coalesce(
        sequenced.reason = 'upgrade' and {{ days_between('sequenced.valid_from', 'sequenced.downgraded_on') }} <= 180, false
    ) as is_yo_yo,
    sequenced.valid_to is null as is_current
from sequenced
inner join {{ ref('int_tier_rules') }} as granted
    on sequenced.tier_rank = granted.tier_rank
    and sequenced.valid_from >= granted.valid_from
    and sequenced.valid_from < granted.valid_to
left join {{ ref('int_tier_rules') }} as previous
    on sequenced.previous_rank = previous.tier_rank
    and sequenced.previous_from >= previous.valid_from
    and sequenced.previous_from < previous.valid_to
left join rules_today on sequenced.tier_rank = rules_today.tier_rank
left join trailing_sales on sequenced.customer_id = trailing_sales.customer_id

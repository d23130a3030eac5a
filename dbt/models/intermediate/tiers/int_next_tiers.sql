with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customer_daily as (

    select * from {{ ref('int_customer_daily') }}

),

current_rules as (

    select * from {{ ref('int_tier_rules') }}
    where is_current

),

current_tiers as (

    select * from {{ ref('int_customer_tiers') }}
    where is_current

),

trailing_sales as (

    select customer_id, {{ money('sum(net_amount)') }} as net_amount
    from customer_daily
    where order_date > (select {{ add_days('as_of_date', -365) }} from run_dates)
    group by customer_id

),

measured as (

    select
        current_tiers.customer_id,
        current_rules.next_threshold_amount - coalesce(trailing_sales.net_amount, 0) as missing_amount,
        current_rules.earn_rate
    from current_tiers
    left join current_rules on current_tiers.tier_rank = current_rules.tier_rank
    left join trailing_sales on current_tiers.customer_id = trailing_sales.customer_id

)

select
    customer_id,
    {{ money('missing_amount') }} as amount_to_next_tier,
    cast(ceil(cast(missing_amount as decimal(22, 4)) * earn_rate) as bigint) as points_to_next_tier
from measured

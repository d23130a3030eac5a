with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

tiers as (

    select * from {{ ref('int_customer_tiers') }}
    where is_current

),

customer_rfm as (

    select * from {{ ref('fct_customer_rfm') }}
    where rfm_window = '365d' and as_of_date = (select as_of_date from run_dates)

),

counted as (

    select
        tiers.tier,
        min(tiers.tier_rank) as tier_rank,
        count(*) as customers_count,
        {{ money('coalesce(sum(customer_rfm.monetary_amount), 0)') }} as net_amount_365d
    from tiers
    left join customer_rfm on tiers.customer_id = customer_rfm.customer_id
    group by tiers.tier

)

select
    tier,
    cast(tier_rank as integer) as tier_rank,
    customers_count,
    {{ rate('customers_count', 'sum(customers_count) over ()') }} as share_rate,
    net_amount_365d,
    {{ rate('net_amount_365d', 'sum(net_amount_365d) over ()') }} as net_share_rate
from counted

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

tier_rules as (

    select * from {{ ref('tier_rules') }}
    where company = {{ text_literal(var('company', '')) }}

),

redemptions as (

    select * from {{ ref('int_redemptions') }}

),

point_adjustments as (

    select * from {{ ref('int_point_adjustments') }}

),

programme as (

    select
        exists (select 1 from tier_rules)
        or exists (select 1 from redemptions)
        or exists (select 1 from point_adjustments) as is_programme_own

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
    counted.tier,
    cast(counted.tier_rank as integer) as tier_rank,
    counted.customers_count,
    {{ rate('counted.customers_count', 'sum(counted.customers_count) over ()') }} as share_rate,
    counted.net_amount_365d,
    {{ rate('counted.net_amount_365d', 'sum(counted.net_amount_365d) over ()') }} as net_share_rate,
    programme.is_programme_own
from counted
cross join programme

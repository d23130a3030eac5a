with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

redemptions as (

    select *, {{ business_date('redeemed_at') }} as redemption_date
    from {{ resolved(accepted(ref('int_reward_redemption_versions'))) }}

)

select
    redemption_id,
    customer_id,
    campaign_id,
    reward_id,
    order_id,
    redeemed_at,
    redemption_date,
    points,
    cost_amount,
    -- negative points take a redemption back, and are none themselves
    coalesce(points < 0, false) as is_take_back
from redemptions
where redemption_date <= (select as_of_date from run_dates)

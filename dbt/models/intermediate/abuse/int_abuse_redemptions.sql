-- One row per customer and day with a burst of redemptions, and per customer and coupon that was used many times.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

redemptions as (

    select redemptions.*
    from {{ ref('int_redemptions') }} as redemptions
    inner join run_dates on redemptions.redemption_date >= {{ abuse_window_from() }}
    where redemptions.is_take_back is not true

)

select
    customer_id,
    'burst_redemptions' as flag,
    {{ as_text('redemption_date') }} as subject,
    redemption_date as first_date,
    redemption_date as last_date,
    cast(count(*) as double) as measured,
    {{ setting('abuse', 'redemptions_a_day') }} as threshold,
    {{ as_text('count(*)') }} || ' redemptions on ' || {{ as_text('redemption_date') }} as evidence
from redemptions
group by customer_id, redemption_date
having count(*) >= {{ setting('abuse', 'redemptions_a_day') }}

union all

select
    customer_id,
    'one_coupon_many_times',
    reward_id,
    min(redemption_date),
    max(redemption_date),
    count(*),
    {{ setting('abuse', 'uses_of_a_coupon') }},
    'used coupon ' || reward_id || ' ' || {{ as_text('count(*)') }} || ' times'
from redemptions
-- what was paid for in points may be had again and again
where reward_id is not null and coalesce(points, 0) = 0
group by customer_id, reward_id
having count(*) >= {{ setting('abuse', 'uses_of_a_coupon') }}

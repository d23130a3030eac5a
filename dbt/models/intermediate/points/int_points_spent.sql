with redemptions as (

    select * from {{ ref('int_redemptions') }}

),

adjustments as (

    select * from {{ ref('int_point_adjustments') }}

)

select 'redemption' as source, redemption_id as source_id, customer_id, order_id, redemption_date as spent_on, points
from redemptions
where points > 0

union all

select 'adjustment' as source, adjustment_id as source_id, customer_id, null as order_id, adjusted_on as spent_on, -points as points
from adjustments
where points < 0

-- What entered the ledger in each month. Who has used more points than there were owes them, whatever others have to spend.
with ledger as {{ computed_anew() }} (

    select * from {{ ref('int_points_ledger') }}

),

debtors as (

    select distinct customer_id
    from ledger
    where member_available < 0 and kind <> 'expire'

),

movements as (

    select customer_id, {{ month_of('entry_date') }} as month, sum(member_available) as available_change
    from ledger
    where customer_id in (select customer_id from debtors)
    group by customer_id, {{ month_of('entry_date') }}

),

debts as (

    select
        customer_id,
        month,
        greatest(-sum(available_change) over (partition by customer_id order by month), 0) as points
    from movements

),

debt_changes as (

    select
        month,
        points - lag(points, 1, 0) over (partition by customer_id order by month) as debt_change
    from debts

),

indebted as (

    select month, cast(sum(debt_change) as bigint) as debt_change
    from debt_changes
    group by month

),

entered as (

    select
        {{ month_of('entry_date') }} as month,
        -sum(issued) as earned_points,
        -sum(adjustment) as adjusted_points,
        sum(redeemed) as redeemed_points,
        sum(expired) as expired_points,
        sum(reversed) as reversed_points,
        sum(member_pending) as pending_change,
        sum(member_available) as available_change
    from ledger
    group by {{ month_of('entry_date') }}

)

select entered.*, coalesce(indebted.debt_change, 0) as debt_change
from entered
left join indebted on entered.month = indebted.month

-- Who has used more points than there were owes them, whatever others have to spend.
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

)

select month, cast(sum(debt_change) as bigint) as debt_change
from debt_changes
group by month

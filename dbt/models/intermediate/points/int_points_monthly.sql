-- Every month with what entered the ledger, and the sums so far.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

entered as (

    select * from {{ ref('int_points_entered_monthly') }}

),

-- of what has run its course: every lot that has expired was used or was not
matured_lots as (

    select * from {{ ref('int_points_lot_balances') }}
    where is_expired

),

bounds as (

    select
        least(run_dates.data_from, coalesce(min(entered.month), run_dates.data_from)) as first_date,
        run_dates.as_of_date as last_date
    from run_dates
    left join entered on true
    group by run_dates.data_from, run_dates.as_of_date

),

months as (

    select {{ add_months('bounds.first_date', 'numbers.number') }} as month
    from bounds
    cross join ({{ numbers_to('(select ' ~ months_between('last_date', 'first_date') ~ ' from bounds)') }}) as numbers

),

matured as (

    select
        {{ month_of('expired_on') }} as month,
        sum(used_points) as used_points,
        sum(earned_points - reversed_points) as points
    from matured_lots
    group by {{ month_of('expired_on') }}

)

select
    months.month,
    coalesce(entered.earned_points, 0) as earned_points,
    coalesce(entered.adjusted_points, 0) as adjusted_points,
    coalesce(entered.redeemed_points, 0) as redeemed_points,
    coalesce(entered.expired_points, 0) as expired_points,
    coalesce(entered.reversed_points, 0) as reversed_points,
    sum(coalesce(entered.pending_change, 0)) over history as pending_points,
    sum(coalesce(entered.available_change, 0)) over history as available_points,
    sum(coalesce(entered.redeemed_points, 0)) over history as redeemed_so_far,
    sum(coalesce(matured.used_points, 0)) over history as matured_used_points,
    sum(coalesce(matured.points, 0)) over history as matured_points,
    sum(coalesce(entered.debt_change, 0)) over history as debt_points
from months
left join entered on months.month = entered.month
left join matured on months.month = matured.month
window history as (order by months.month)

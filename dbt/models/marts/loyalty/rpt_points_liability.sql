{%- set point_value = 'cast(' ~ setting('assumed', 'point_value_amount') ~ ' as decimal(9, 6))' -%}
{%- set assumed_rate = 'cast(' ~ setting('assumed', 'redemption_rate') ~ ' as decimal(9, 6))' -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

bounds as (

    select
        least(run_dates.data_from, coalesce(min(ledger.entry_date), run_dates.data_from)) as first_date,
        run_dates.as_of_date as last_date
    from run_dates
    left join {{ ref('int_points_ledger') }} as ledger on true
    group by run_dates.data_from, run_dates.as_of_date

),

months as (

    select {{ add_months('bounds.first_date', 'numbers.number') }} as month
    from bounds
    cross join ({{ numbers_to('(select ' ~ months_between('last_date', 'first_date') ~ ' from bounds)') }}) as numbers

),

ledger as (

    select
        {{ month_of('entry_date') }} as month,
        -sum(issued) as earned_points,
        -sum(adjustment) as adjusted_points,
        sum(redeemed) as redeemed_points,
        sum(expired) as expired_points,
        sum(reversed) as reversed_points,
        sum(member_pending) as pending_change,
        sum(member_available) as available_change
    from {{ ref('int_points_ledger') }}
    group by {{ month_of('entry_date') }}

),

-- of what has run its course: every lot that has expired was used or was not
matured as (

    select
        {{ month_of('expired_on') }} as month,
        sum(used_points) as used_points,
        sum(earned_points - reversed_points) as points
    from {{ ref('int_points_lot_balances') }}
    where expired_on <= (select as_of_date from run_dates)
    group by {{ month_of('expired_on') }}

),

running as (

    select
        months.month,
        coalesce(ledger.earned_points, 0) as earned_points,
        coalesce(ledger.adjusted_points, 0) as adjusted_points,
        coalesce(ledger.redeemed_points, 0) as redeemed_points,
        coalesce(ledger.expired_points, 0) as expired_points,
        coalesce(ledger.reversed_points, 0) as reversed_points,
        sum(coalesce(ledger.pending_change, 0)) over history as pending_points,
        sum(coalesce(ledger.available_change, 0)) over history as available_points,
        sum(coalesce(ledger.redeemed_points, 0)) over history as redeemed_so_far,
        sum(coalesce(matured.used_points, 0)) over history as matured_used_points,
        sum(coalesce(matured.points, 0)) over history as matured_points
    from months
    left join ledger on months.month = ledger.month
    left join matured on months.month = matured.month
    window history as (order by months.month)

),

rated as (

    select
        *,
        pending_points + available_points as closing_points,
        redeemed_so_far > 0 and matured_points > 0 as is_observed,
        case
            when redeemed_so_far > 0 and matured_points > 0
                then cast(round(cast(matured_used_points as double) / matured_points, 6) as decimal(9, 6))
            else {{ assumed_rate }}
        end as redemption_rate
    from running

),

valued as (

    select *, {{ money('round(closing_points * ' ~ point_value ~ ' * redemption_rate, 4)') }} as liability_amount
    from rated

)

select
    month,
    cast(lag(closing_points, 1, 0) over (order by month) as bigint) as opening_points,
    cast(earned_points + adjusted_points as bigint) as issued_points,
    cast(redeemed_points as bigint) as redeemed_points,
    cast(expired_points as bigint) as expired_points,
    cast(reversed_points as bigint) as reversed_points,
    cast(closing_points as bigint) as closing_points,
    cast(earned_points as bigint) as earned_points,
    cast(adjusted_points as bigint) as adjusted_points,
    cast(pending_points as bigint) as pending_points,
    cast(available_points as bigint) as available_points,
    {{ point_value }} as point_value_amount,
    cast(redemption_rate as double) as redemption_rate,
    case when is_observed then 'issue_cohorts' else 'assumed' end as redemption_rate_source,
    liability_amount,
    {{ money('liability_amount - lag(liability_amount, 1, 0) over (order by month)') }} as liability_change_amount
from valued

{%- set assumed_rate = setting('assumed', 'redemption_rate') -%}
with lots as (

    select * from {{ ref('int_points_lot_balances') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

cohorts as (

    select
        {{ month_of('lots.issued_on') }} as issue_month,
        max(lots.expired_on) <= max(run_dates.as_of_date) as is_mature,
        cast(sum(lots.earned_points) as bigint) as issued_points,
        cast(sum(lots.reversed_points) as bigint) as reversed_points,
        cast(sum(lots.used_points) as bigint) as used_points,
        cast(sum(lots.expired_points) as bigint) as expired_points,
        cast(sum(lots.remaining_points) as bigint) as remaining_points
    from lots
    cross join run_dates
    group by {{ month_of('lots.issued_on') }}

),

redemptions as (

    select count(*) as redemptions_count
    from {{ ref('int_points_spent') }}
    where source = 'redemption'

)

select
    cohorts.issue_month,
    cohorts.issued_points,
    cohorts.reversed_points,
    cohorts.used_points,
    cohorts.expired_points,
    cohorts.remaining_points,
    cohorts.is_mature,
    case when cohorts.is_mature then
        {{ rate('cohorts.used_points', 'cohorts.issued_points - cohorts.reversed_points') }}
    end as redemption_rate,
    case when cohorts.is_mature then
        {{ rate('cohorts.expired_points', 'cohorts.issued_points - cohorts.reversed_points') }}
    end as breakage_rate,
    case
        when redemptions.redemptions_count = 0 then 'no_redemptions'
        when cohorts.is_mature then 'observed'
        else 'not_mature'
    end as status,
    case when redemptions.redemptions_count = 0 then cast({{ assumed_rate }} as double) end as assumed_redemption_rate
from cohorts
cross join redemptions

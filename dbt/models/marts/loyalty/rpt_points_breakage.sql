{%- set assumed_rate = setting('assumed', 'redemption_rate') -%}
with lots as (

    select * from {{ ref('int_points_lot_balances') }}

),

spent as (

    select * from {{ ref('int_points_spent') }}
    where source = 'redemption'

),

cohorts as (

    select
        {{ month_of('issued_on') }} as issue_month,
        bool_and(is_expired) as is_mature,
        cast(sum(earned_points) as bigint) as issued_points,
        cast(sum(reversed_points) as bigint) as reversed_points,
        cast(sum(used_points) as bigint) as used_points,
        cast(sum(expired_points) as bigint) as expired_points,
        cast(sum(remaining_points) as bigint) as remaining_points
    from lots
    group by {{ month_of('issued_on') }}

),

redemptions as (

    select count(*) as redemptions_count
    from spent

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

{# Who holds a tier at the end of a month came in by then and has not left: a running sum of comings and goings. #}
with tiers as (

    select * from {{ ref('fct_customer_tiers') }}

),

events as (

    select
        {{ month_of('valid_from') }} as month,
        tier,
        1 as members_change,
        reason,
        is_yo_yo
    from tiers

    union all

    select {{ month_of('valid_to') }}, tier, -1, null, false
    from tiers
    where valid_to is not null

),

-- a customer can be known, by a campaign, before the first order
bounds as (

    select min(valid_from) as first_date, (select as_of_date from {{ ref('int_run_dates') }}) as last_date
    from tiers

),

months as (

    select {{ add_months('bounds.first_date', 'numbers.number') }} as month
    from bounds
    cross join ({{ numbers_to('(select ' ~ months_between('last_date', 'first_date') ~ ' from bounds)') }}) as numbers

),

names as (

    select tier, min(valid_from) as valid_from
    from {{ ref('int_tier_rules') }}
    group by tier

),

counted as (

    select
        months.month,
        names.tier,
        coalesce(sum(events.members_change), 0) as members_change,
        count(*) filter (where events.reason = 'enrolment') as enrolled_count,
        count(*) filter (where events.reason = 'upgrade') as upgraded_count,
        count(*) filter (where events.reason = 'downgrade') as downgraded_count,
        count(*) filter (where events.reason = 'renewal') as renewed_count,
        count(*) filter (where events.reason = 'return') as reversed_count,
        count(*) filter (where events.is_yo_yo) as yo_yo_count
    from months
    inner join names on names.valid_from <= last_day(months.month)
    left join events on months.month = events.month and names.tier = events.tier
    group by months.month, names.tier

)

select
    month,
    tier,
    cast(sum(members_change) over (partition by tier order by month) as bigint) as customers_count,
    enrolled_count,
    upgraded_count,
    downgraded_count,
    renewed_count,
    reversed_count,
    yo_yo_count,
    {{ rate('yo_yo_count', 'upgraded_count') }} as yo_yo_rate
from counted

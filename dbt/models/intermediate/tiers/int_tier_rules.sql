{#
  The rules of this company: its own where the seed has any, else those for any company. `[valid_from, valid_to)` is when
  they are in force, `[reached_from, reached_below)` the trailing net sales that reach the tier; the lowest tier is
  reached by any. `lower_rank` is the next tier below. A tier that a version drops has a row in it too, for those who
  still hold it: nothing reaches or renews it, and it earns at the rate of the next tier below.
#}
{%- set lowest, highest = money('-99999999999999'), money('99999999999999') -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

tier_rules as (

    select * from {{ ref('tier_rules') }}

),

own_rules as (

    select * from tier_rules
    where company = coalesce(
        (select min(own.company) from tier_rules as own where own.company = {{ text_literal(var('company', '')) }}), 'any'
    )

),

starts as (

    select distinct effective_from from own_rules

),

versions as (

    select
        effective_from as valid_from,
        coalesce(lead(effective_from) over (order by effective_from), {{ date_or_null('9999-12-31') }}) as valid_to
    from starts

),

tiers as (

    select own_rules.*, versions.valid_from, versions.valid_to
    from own_rules
    inner join versions on own_rules.effective_from = versions.valid_from

),

ranked as (

    select
        *,
        lag(tier_rank) over ranks as lower_rank,
        lead(threshold_amount) over ranks as next_threshold_amount
    from tiers
    window ranks as (partition by valid_from order by tier_rank)

),

dropped as (

    select
        versions.valid_from,
        earlier.tier_rank,
        max_by(earlier.tier, earlier.effective_from) as tier
    from versions
    inner join own_rules as earlier on versions.valid_from > earlier.effective_from
    left join tiers on versions.valid_from = tiers.valid_from and earlier.tier_rank = tiers.tier_rank
    where tiers.tier_rank is null
    group by versions.valid_from, earlier.tier_rank

),

dropped_rules as (

    select
        below.*,
        dropped.tier_rank as dropped_rank,
        dropped.tier as dropped_tier
    from dropped
    inner join ranked as below on dropped.valid_from = below.valid_from and dropped.tier_rank > below.tier_rank
    qualify row_number() over (partition by dropped.valid_from, dropped.tier_rank order by below.tier_rank desc) = 1

),

rules as (

    select
        rule_version,
        valid_from,
        valid_to,
        tier_rank,
        tier,
        lower_rank,
        threshold_amount,
        case when tier_rank = 1 then {{ lowest }} else threshold_amount end as reached_from,
        coalesce(next_threshold_amount, {{ highest }}) as reached_below,
        next_threshold_amount,
        earn_rate,
        validity_months,
        grace_days,
        {{ money('threshold_amount * keep_rate') }} as keep_amount,
        benefits,
        false as is_dropped
    from ranked

    union all

    select
        rule_version,
        valid_from,
        valid_to,
        dropped_rank,
        dropped_tier,
        tier_rank,
        null,
        null,
        null,
        next_threshold_amount,
        earn_rate,
        validity_months,
        grace_days,
        null,
        benefits,
        true
    from dropped_rules

)

select
    rules.*,
    rules.valid_from <= run_dates.as_of_date and rules.valid_to > run_dates.as_of_date as is_current
from rules
cross join run_dates

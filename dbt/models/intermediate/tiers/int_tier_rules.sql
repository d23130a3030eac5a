{#
  `[reached_from, reached_below)` is the trailing net sales that reach a tier; the lowest is reached by any. A tier that a
  version drops has a row in it too, for those who still hold it: nothing reaches or renews it, and it earns at the rate of
  the next tier below.
#}
{%- set lowest, highest = money('-99999999999999'), money('99999999999999') -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

rule_versions as (

    select * from {{ ref('int_tier_rule_versions') }}

),

versions as (

    select distinct valid_from from rule_versions

),

dropped as (

    select
        versions.valid_from,
        earlier.tier_rank,
        max_by(earlier.tier, earlier.valid_from) as tier
    from versions
    inner join rule_versions as earlier on versions.valid_from > earlier.valid_from
    left join rule_versions as kept on versions.valid_from = kept.valid_from and earlier.tier_rank = kept.tier_rank
    where kept.tier_rank is null
    group by versions.valid_from, earlier.tier_rank

),

dropped_rules as (

    select
        below.*,
        dropped.tier_rank as dropped_rank,
        dropped.tier as dropped_tier
    from dropped
    inner join rule_versions as below on dropped.valid_from = below.valid_from and dropped.tier_rank > below.tier_rank
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
    from rule_versions

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

{#
  One row per tier and version of the rules, for this company: its own rules where the seed has any, else those for
  any company. `[valid_from, valid_to)` is when they are in force, `[reached_from, reached_below)` the trailing net
  sales that reach the tier; the lowest tier is reached by any.
#}
{%- set lowest, highest = money('-99999999999999'), money('99999999999999') -%}
with rules as (

    select * from {{ ref('tier_rules') }}
    where company = coalesce(
        (select min(company) from {{ ref('tier_rules') }} where company = '{{ var("company", "") }}'), 'any'
    )

),

versions as (

    select
        effective_from as valid_from,
        coalesce(lead(effective_from) over (order by effective_from), {{ date_or_null('9999-12-31') }}) as valid_to
    from (select distinct effective_from from rules) as starts

)

select
    rules.rule_version,
    versions.valid_from,
    versions.valid_to,
    rules.tier_rank,
    rules.tier,
    rules.threshold_amount,
    case when rules.tier_rank = 1 then {{ lowest }} else rules.threshold_amount end as reached_from,
    coalesce(
        lead(rules.threshold_amount) over (partition by versions.valid_from order by rules.tier_rank), {{ highest }}
    ) as reached_below,
    lead(rules.threshold_amount) over (partition by versions.valid_from order by rules.tier_rank) as next_threshold_amount,
    rules.earn_rate,
    rules.validity_months,
    rules.grace_days,
    {{ money('rules.threshold_amount * rules.keep_rate') }} as keep_amount,
    rules.benefits
from rules
inner join versions on rules.effective_from = versions.valid_from

{#
  The rules of this company: its own where the seed has any, else those for any company. `[valid_from, valid_to)` is when
  they are in force, `[reached_from, reached_below)` the trailing net sales that reach the tier; the lowest tier is
  reached by any.
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

)

select
    own_rules.rule_version,
    versions.valid_from,
    versions.valid_to,
    versions.valid_from <= run_dates.as_of_date and versions.valid_to > run_dates.as_of_date as is_current,
    own_rules.tier_rank,
    own_rules.tier,
    own_rules.threshold_amount,
    case when own_rules.tier_rank = 1 then {{ lowest }} else own_rules.threshold_amount end as reached_from,
    coalesce(
        lead(own_rules.threshold_amount) over (partition by versions.valid_from order by own_rules.tier_rank), {{ highest }}
    ) as reached_below,
    lead(own_rules.threshold_amount) over (partition by versions.valid_from order by own_rules.tier_rank)
        as next_threshold_amount,
    own_rules.earn_rate,
    own_rules.validity_months,
    own_rules.grace_days,
    {{ money('own_rules.threshold_amount * own_rules.keep_rate') }} as keep_amount,
    own_rules.benefits
from own_rules
inner join versions on own_rules.effective_from = versions.valid_from
cross join run_dates

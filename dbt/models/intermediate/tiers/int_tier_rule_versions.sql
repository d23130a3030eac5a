{#
  The rules of this company: its own where the seed has any, else those for any company. `[valid_from, valid_to)` is when
  they are in force; `lower_rank` is the next tier below.
#}
with tier_rules as (

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

)

select
    *,
    lag(tier_rank) over ranks as lower_rank,
    lead(threshold_amount) over ranks as next_threshold_amount
from tiers
window ranks as (partition by valid_from order by tier_rank)

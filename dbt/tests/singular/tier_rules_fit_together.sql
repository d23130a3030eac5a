-- What one row of the rules cannot show: each version has a lowest tier and rising thresholds, a tier one rank in all.
with tier_rules as (

    select * from {{ ref('tier_rules') }}

),

versions as (

    select company, effective_from, min(tier_rank) as lowest_rank, count(distinct rule_version) as names_count
    from tier_rules
    group by company, effective_from

),

compared as (

    select
        *,
        lag(threshold_amount) over (partition by company, effective_from order by tier_rank) as lower_threshold_amount
    from tier_rules

),

tiers as (

    select company, tier, count(distinct tier_rank) as ranks_count
    from tier_rules
    group by company, tier

)

select
    'a version of the rules has no tier of rank 1' as rule,
    concat_ws(' | ', company, effective_from) as row_key
from versions
where lowest_rank <> 1

union all

select
    'two versions of the rules begin on the same day' as rule,
    concat_ws(' | ', company, effective_from) as row_key
from versions
where names_count > 1

union all

select
    'a tier has a threshold that is not above that of the tier below it' as rule,
    concat_ws(' | ', company, effective_from, tier) as row_key
from compared
where threshold_amount <= lower_threshold_amount

union all

select
    'a tier has several ranks: a version that drops a tier leaves its rank out' as rule,
    concat_ws(' | ', company, tier) as row_key
from tiers
where ranks_count > 1

with rules as (

    select * from {{ ref('int_tier_rules') }}

)

select
    tier,
    tier_rank,
    threshold_amount,
    next_threshold_amount,
    keep_amount,
    earn_rate,
    validity_months,
    grace_days,
    benefits,
    rule_version,
    valid_from as effective_from
from rules
where is_current and not is_dropped

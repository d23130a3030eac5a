with rules as (

    select * from {{ ref('int_tier_rules') }}

)

select
    rule_version,
    tier_rank,
    tier,
    valid_from,
    nullif(valid_to, {{ date_or_null('9999-12-31') }}) as valid_to,
    threshold_amount,
    next_threshold_amount,
    keep_amount,
    earn_rate,
    validity_months,
    grace_days,
    is_dropped
from rules

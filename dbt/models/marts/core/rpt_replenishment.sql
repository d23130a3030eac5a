with replenishment as (

    select * from {{ ref('int_replenishment') }}

)

select
    group_kind,
    group_value,
    -- of what customers buy, every one waits once for the next purchase
    waits_count - ended_waits_count as customers_count,
    waits_count,
    ended_waits_count,
    first_quartile_wait_days,
    median_wait_days,
    third_quartile_wait_days,
    ended_waits_count < 30 as is_small
from replenishment

-- The days after which a quarter, half and three quarters of the waits have ended, where there are 30 of them.
with waits as (

    select * from {{ ref('int_replenishment_waits') }}

),

{{ kaplan_meier_ctes('waits', ['group_kind', 'group_value']) }}

select
    group_kind,
    group_value,
    cast(sum(exit_count) as bigint) as waits_count,
    cast(sum(event_count) as bigint) as ended_waits_count,
    min(day) filter (where survival_rate <= 0.75) as first_quartile_wait_days,
    min(day) filter (where survival_rate <= 0.5) as median_wait_days,
    min(day) filter (where survival_rate <= 0.25) as third_quartile_wait_days
from survival
group by group_kind, group_value
having sum(exit_count) >= 30

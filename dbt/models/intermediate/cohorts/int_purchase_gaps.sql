{#
  One row per cohort, gap_kind and length in days: how many waits for the next purchase day ended with a purchase after
  so many days, and how many ended at all; a wait that as_of_date cuts off ends without one. `second` is the wait after
  the first purchase day, `any` is every one. Each cohort, and 'all', has a row for day 0.
#}
with customer_purchase_days as (

    select * from {{ ref('int_customer_purchase_days') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

waits as (

    select
        {{ month_of('days.first_order_date') }} as cohort_month,
        days.previous_order_date is null as is_first,
        {{ days_between('coalesce(days.next_order_date, run_dates.as_of_date)', 'days.order_date') }} as day,
        count(days.next_order_date) as event_count,
        count(*) as exit_count
    from customer_purchase_days as days
    cross join run_dates
    group by cohort_month, is_first, day

),

kinds as (

    select 'any' as gap_kind, cohort_month, day, event_count, exit_count from waits
    union all
    select 'second' as gap_kind, cohort_month, day, event_count, exit_count from waits where is_first
    union all
    select distinct 'any' as gap_kind, cohort_month, 0 as day, 0 as event_count, 0 as exit_count from waits
    union all
    select distinct 'second' as gap_kind, cohort_month, 0 as day, 0 as event_count, 0 as exit_count from waits

)

select
    coalesce({{ as_text('cohort_month') }}, 'all') as cohort_month,
    gap_kind,
    day,
    cast(sum(event_count) as bigint) as event_count,
    cast(sum(exit_count) as bigint) as exit_count
from kinds
group by grouping sets ((cohort_month, gap_kind, day), (gap_kind, day))

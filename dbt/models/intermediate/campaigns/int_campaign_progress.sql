{#
  How much of a randomized campaign has come in. Its planned size is every customer assigned by the start, over the whole
  window; where all were assigned later, all of them. Who is assigned within the window adds days from then on.
#}
with members as (

    select * from {{ ref('int_randomized_members') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

observed as (

    select
        members.campaign_id,
        members.window_days,
        members.end_date <= run_dates.data_through as is_over,
        members.member_since <= members.start_date as is_there_from_the_start,
        greatest(
            0,
            1 + {{ days_between(
                'least(members.end_date, run_dates.data_through)', 'greatest(members.start_date, members.member_since)'
            ) }}
        ) as observed_days
    from members
    cross join run_dates

),

summed as (

    select
        campaign_id,
        window_days,
        is_over,
        count(*) as members_count,
        count(*) filter (where is_there_from_the_start) as first_members_count,
        sum(observed_days) as observed_days
    from observed
    group by campaign_id, window_days, is_over

),

sized as (

    select *, case when first_members_count > 0 then first_members_count else members_count end as planned_members_count
    from summed

)

select
    campaign_id,
    is_over,
    planned_members_count,
    {{ rate('observed_days', 'planned_members_count * window_days') }} as observed_share
from sized

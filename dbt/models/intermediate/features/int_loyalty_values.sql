{#
  One row per customer and as_of_date: the values that the loyalty score ranks, higher is better, NULL where there is
  none. Purchases are those so far; events other than opting out count in the 90 days that end with as_of_date, once the
  company has any; ratings in 365 days.
#}
with activity as (

    select * from {{ ref('int_customer_activity') }}

),

dates as (

    select as_of_date from {{ ref('int_as_of_dates') }}

),

events as (

    select customer_id, {{ business_date('occurred_at') }} as event_date
    from {{ accepted(ref('int_customer_event_versions')) }} as customer_events
    where event_type not in {{ text_list(opt_out_events()) }}

),

events_counted as (

    select events.customer_id, dates.as_of_date, count(*) as events_count
    from events
    inner join dates
        on events.event_date <= dates.as_of_date
        and events.event_date > {{ add_days('dates.as_of_date', -90) }}
    group by events.customer_id, dates.as_of_date

),

ratings as (

    -- as decimals, whose sum is the same in any order
    select customer_id, {{ business_date('given_at') }} as given_on, cast(rating as decimal(9, 4)) as rating
    from {{ accepted(ref('int_customer_feedback_versions')) }} as customer_feedback

),

ratings_averaged as (

    select
        ratings.customer_id,
        dates.as_of_date,
        cast(round(cast(sum(ratings.rating) as double) / count(*) / 10, 6) as decimal(18, 6)) as average_rating
    from ratings
    inner join dates
        on ratings.given_on <= dates.as_of_date
        and ratings.given_on > {{ add_days('dates.as_of_date', -365) }}
    group by ratings.customer_id, dates.as_of_date

)

select
    activity.customer_id,
    activity.as_of_date,
    -activity.recency_days as recency,
    case when activity.recency_days is not null then activity.orders_count end as frequency,
    case when activity.recency_days is not null then activity.net_amount end as monetary,
    case
        when activity.as_of_date >= (select min(event_date) from events) then coalesce(events_counted.events_count, 0)
    end as usage,
    ratings_averaged.average_rating as feedback
from activity
left join events_counted
    on activity.customer_id = events_counted.customer_id and activity.as_of_date = events_counted.as_of_date
left join ratings_averaged
    on activity.customer_id = ratings_averaged.customer_id and activity.as_of_date = ratings_averaged.as_of_date

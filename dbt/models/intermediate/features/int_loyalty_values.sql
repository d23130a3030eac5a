{#
  The values that the loyalty score ranks, higher is better, NULL where there is none. Purchases are those so far; events
  other than opting out count in the 90 days that end with as_of_date, once the company has any; ratings in 365 days.
#}
with dates as (

    select * from {{ ref('int_as_of_dates') }}

),

activity as (

    select * from {{ ref('int_customer_activity') }}

),

usage_events as (

    select * from {{ ref('int_customer_events') }}
    where event_type not in {{ text_list(opt_out_events()) }}

),

ratings as (

    -- as decimals, whose sum is the same in any order
    select *, cast(rating as decimal(9, 4)) as exact_rating
    from {{ ref('int_customer_feedback') }}

),

events_counted as (

    select usage_events.customer_id, dates.as_of_date, count(*) as events_count
    from usage_events
    inner join dates
        on usage_events.event_date <= dates.as_of_date
        and usage_events.event_date > {{ add_days('dates.as_of_date', -loyalty_term('usage_days')) }}
    group by usage_events.customer_id, dates.as_of_date

),

ratings_averaged as (

    select
        ratings.customer_id,
        dates.as_of_date,
        cast(round(cast(sum(ratings.exact_rating) as double) / count(*) / 10, 6) as decimal(18, 6)) as average_rating
    from ratings
    inner join dates
        on ratings.feedback_date <= dates.as_of_date
        and ratings.feedback_date > {{ add_days('dates.as_of_date', -loyalty_term('feedback_days')) }}
    group by ratings.customer_id, dates.as_of_date

)

select
    activity.customer_id,
    activity.as_of_date,
    -activity.recency_days as recency,
    case when activity.recency_days is not null then activity.orders_count end as frequency,
    case when activity.recency_days is not null then activity.net_amount end as monetary,
    case
        when activity.as_of_date >= (select min(event_date) from usage_events) then coalesce(events_counted.events_count, 0)
    end as usage,
    ratings_averaged.average_rating as feedback
from activity
left join events_counted
    on activity.customer_id = events_counted.customer_id and activity.as_of_date = events_counted.as_of_date
left join ratings_averaged
    on activity.customer_id = ratings_averaged.customer_id and activity.as_of_date = ratings_averaged.as_of_date

{#
  Customers who came back before, in the days after the one by which half of such customers have ordered again. The order
  that they wait since is the occasion: the day itself moves a little when the model is fitted anew. What is known of
  somebody who ordered once is what is known of all, so nobody is written to because of it.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

activity as (

    select * from {{ ref('int_customer_activity') }}
    where as_of_date = (select as_of_date from run_dates) and last_gap_days is not null

),

lifetime_values as (

{{ latest_results('lifetime_values', 'lifetime_values', current_only=true) }}

),

due as (

    select
        activity.customer_id,
        activity.last_order_date,
        {{ days_between('run_dates.as_of_date', 'lifetime_values.due_date') }} as days_since_due
    from activity
    inner join lifetime_values on activity.customer_id = lifetime_values.customer_id
    cross join run_dates

)

select
    customer_id,
    'next_purchase' as template,
    'next_purchase' as subject,
    last_order_date as event_date,
    cast(null as date) as useful_until,
    {{ json_record(['last_order_date']) }} as payload
from due
where days_since_due >= 0 and days_since_due < {{ setting('messages', 'next_purchase_days') }}

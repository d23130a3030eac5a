{#
  One row per created message up to as_of_date: whether it was sent, how the customer answered, and the valid orders in
  the days after it.
#}
with messages as (

    select * from {{ ref('fct_reward_messages') }}
    where created_at is not null

),

answers as (

    select
        reference_id as message_id,
        customer_id,
        {%- for answer, events in message_answers() %}
        count(*) filter (where event_type in {{ text_list(events) }}) > 0 as is_{{ answer }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ accepted(ref('int_customer_event_versions')) }} as customer_events
    where
        reference_id is not null
        and {{ business_date('occurred_at') }} <= (select as_of_date from {{ ref('int_run_dates') }})
    group by reference_id, customer_id

),

orders as (

    select messages.message_id, count(*) as orders_count
    from messages
    inner join {{ ref('fct_orders') }} as orders
        on messages.customer_id = orders.customer_id
        and orders.order_date > messages.as_of_date
        and orders.order_date <= {{ add_days('messages.as_of_date', setting('messages', 'response_days')) }}
    where orders.is_valid
    group by messages.message_id

)

select
    messages.message_id,
    {{ month_of('messages.as_of_date') }} as month,
    messages.trigger,
    messages.template,
    messages.sent_at is not null as is_sent,
    {%- for answer, _ in message_answers() %}
    messages.sent_at is not null and coalesce(answers.is_{{ answer }}, false) as is_{{ answer }},
    {%- endfor %}
    coalesce(orders.orders_count, 0) as orders_count
from messages
left join answers
    on messages.message_id = answers.message_id and messages.customer_id = answers.customer_id
left join orders on messages.message_id = orders.message_id

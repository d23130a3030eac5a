-- Whether each message was sent, how the customer answered, and the valid orders in the days after it.
with messages as (

    select * from {{ ref('int_messages') }}

),

customer_events as (

    select * from {{ ref('int_customer_events') }}

),

valid_orders as (

    select * from {{ ref('int_orders') }}
    where is_valid

),

answers as (

    select
        reference_id as message_id,
        customer_id,
        {%- for answer, events in message_answers() %}
        count(*) filter (where event_type in {{ text_list(events) }}) > 0 as is_{{ answer }}{{ "," if not loop.last }}
        {%- endfor %}
    from customer_events
    where reference_id is not null
    group by reference_id, customer_id

),

ordered as (

    select messages.message_id, count(*) as orders_count
    from messages
    inner join valid_orders
        on messages.customer_id = valid_orders.customer_id
        and valid_orders.order_date > messages.as_of_date
        and valid_orders.order_date <= {{ add_days('messages.as_of_date', setting('messages', 'response_days')) }}
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
    coalesce(ordered.orders_count, 0) as orders_count
from messages
left join answers
    on messages.message_id = answers.message_id and messages.customer_id = answers.customer_id
left join ordered on messages.message_id = ordered.message_id

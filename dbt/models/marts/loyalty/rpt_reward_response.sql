with message_responses as (

    select * from {{ ref('int_message_responses') }}

),

counted as (

    select
        month,
        trigger,
        template,
        count(*) as created_count,
        count(*) filter (where is_sent) as sent_count,
        {%- for answer, _ in message_answers() %}
        count(*) filter (where is_{{ answer }}) as {{ answer }}_count,
        {%- endfor %}
        count(*) filter (where is_sent and orders_count > 0) as ordered_count,
        cast(coalesce(sum(orders_count) filter (where is_sent), 0) as bigint) as orders_count
    from message_responses
    group by month, trigger, template

)

select
    month,
    trigger,
    template,
    created_count,
    sent_count,
    opened_count,
    clicked_count,
    claimed_count,
    opted_out_count,
    {{ rate('opened_count', 'sent_count') }} as open_rate,
    {{ rate('clicked_count', 'sent_count') }} as click_rate,
    {{ rate('claimed_count', 'sent_count') }} as claim_rate,
    {{ rate('opted_out_count', 'sent_count') }} as opt_out_rate,
    ordered_count,
    orders_count
from counted

{#
  The key of an occasion to write to a customer is its own, whatever day finds it: the customer, the trigger, and what and
  when it is about. `useful_until`, where there is such a day, is the last one on which the message helps.
#}
with occasions as (

{% for trigger, relation in message_triggers() %}
    {{- "union all" if not loop.first }}
    select '{{ trigger }}' as trigger, {{ loop.index }} as priority, *
    from {{ relation }}
{% endfor %}
)

select
    md5(concat_ws('|', trigger, {{ as_text('event_date') }}, subject, customer_id)) as message_id,
    *
from occasions

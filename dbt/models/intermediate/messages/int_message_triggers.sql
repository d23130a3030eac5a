{#
  The key of an occasion to write to a customer is its own, whatever day finds it: the customer, the trigger, and what and
  when it is about. `useful_until`, where there is such a day, is the last one on which the message helps.
#}
{# what a message may be about, most important first, and the model that finds the occasions #}
{% set triggers = [
    ['points_expiry', ref('int_message_expiring_points')],
    ['tier_change', ref('int_message_tier_changes')],
    ['reward', ref('int_message_rewards')],
    ['replenishment', ref('int_message_replenishments')],
    ['next_purchase', ref('int_message_next_purchases')],
    ['win_back', ref('int_message_win_backs')],
] %}
with occasions as (

{% for trigger, relation in triggers %}
    {{- "union all" if not loop.first }}
    select '{{ trigger }}' as trigger, {{ loop.index }} as priority, *
    from {{ relation }}
{% endfor %}
)

select
    md5(concat_ws('|', trigger, {{ as_text('event_date') }}, subject, customer_id)) as message_id,
    *
from occasions

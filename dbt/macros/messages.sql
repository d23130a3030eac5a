{# How customers answer, as [answer, event types that say so]; `reference_id` of the event is the message's id. #}
{% macro message_answers() %}
    {{ return([
        ['opened', ['message_open', 'email_open']],
        ['clicked', ['message_click', 'email_click']],
        ['claimed', ['reward_claim']],
        ['opted_out', opt_out_events()],
    ]) }}
{% endmacro %}

{# The event types of a customer who wants no more messages. #}
{% macro opt_out_events() %}
    {{ return(['opt_out', 'unsubscribe']) }}
{% endmacro %}

{# Texts as a list for `in`. #}
{% macro text_list(values) -%}
    ({% for value in values %}{{ text_literal(value) }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

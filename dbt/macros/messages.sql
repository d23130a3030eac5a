{# What a message may be about, most important first, and the model that finds the occasions. #}
{% macro message_triggers() %}
    {{ return([
        ['points_expiry', ref('int_message_expiring_points')],
        ['tier_change', ref('int_message_tier_changes')],
        ['reward', ref('int_message_rewards')],
        ['win_back', ref('int_message_win_backs')],
    ]) }}
{% endmacro %}

{# The languages that templates/ has every template in. #}
{% macro message_languages() %}
    {{ return(['en', 'zh']) }}
{% endmacro %}

{# How customers answer, as [answer, event types that say so]; `reference_id` of the event is the message's id. #}
{% macro message_answers() %}
    {{ return([
        ['opened', ['message_open', 'email_open']],
        ['clicked', ['message_click', 'email_click']],
        ['claimed', ['reward_claim']],
        ['opted_out', opt_out_events()],
    ]) }}
{% endmacro %}

{% macro opt_out_events() %}
    {{ return(['opt_out', 'unsubscribe']) }}
{% endmacro %}

{% macro text_list(values) -%}
    ('{{ values | join("', '") }}')
{%- endmacro %}

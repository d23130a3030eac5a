{# An amount at the order day's exchange rate, unconverted where the order is in the base currency. #}
{% macro in_base_currency(amount) -%}
    case when currency = '{{ var("base_currency") }}' then {{ amount }}
        else {{ money(amount ~ ' * exchange_rate') }} end
{%- endmacro %}

{# The cost of a line: its own, else the net amount less the assumed margin (multiplied only where it has to be). #}
{% macro cost_or_assumed(lines=none) -%}
    {%- set of = lines ~ '.' if lines else '' -%}
    case when {{ of }}cost_amount is null
        then {{ money(of ~ 'net_amount * (1 - ' ~ var('assumed').get('margin_rate', 0) ~ ')') }}
        else {{ of }}cost_amount end
{%- endmacro %}

{# Returns on a cost, as definitions have them; NULL where there is no cost to speak of. #}
{% macro roi_gross(gained, cost) -%}
    case when {{ cost }} > 0 then {{ rate(gained, cost) }} end
{%- endmacro %}
{% macro roi_net(gained, cost) -%}
    case when {{ cost }} > 0 then {{ rate(gained ~ ' - ' ~ cost, cost) }} end
{%- endmacro %}

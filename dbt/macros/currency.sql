{# An amount at the order day's exchange rate, unconverted where the order is in the base currency; NULL where it is too large. #}
{% macro in_base_currency(amount) -%}
    case when currency = {{ text_literal(var('base_currency')) }} then {{ amount }}
        else try_cast(cast({{ amount }} as decimal(22, 4)) * exchange_rate as decimal(18, 4)) end
{%- endmacro %}

{# The rate of a row: 1 in the base currency, else that of its day from `rates` (int_exchange_rate_periods), NULL without one. #}
{% macro rate_of(currency, rates) -%}
    case when {{ currency }} is null or {{ currency }} = {{ text_literal(var('base_currency')) }} then cast(1 as decimal(18, 8)) else {{ rates }}.rate end
{%- endmacro %}

{# Why a row in another currency is rejected: no rate on its day, or one that makes an amount too large; NULL for a sound one. #}
{% macro rate_reason(day, amounts) -%}
    case
        when exchange_rate is null
            then 'no exchange rate for '
                || case when {{ matches_whole('currency', '[A-Z]{3}') }} then currency else {{ masked_text('currency') }} end
                || ' on ' || {{ as_text(day) }}
        when exchange_rate <> 1
            and {{ largest_of(amounts) }} > {{ var('ingest').get('largest_amount', 0) }} / cast(exchange_rate as double)
            then 'an amount is too large in the base currency'
    end
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

{# The size of the largest of some amounts, those that are NULL left out. #}
{% macro largest_of(amounts) -%}
    greatest(0, {% for amount in amounts %}coalesce(abs(cast({{ amount }} as double)), 0){{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

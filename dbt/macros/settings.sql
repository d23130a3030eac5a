{#
  A value of a section of the settings file. A run without it stops, rather than go by a number that nobody chose;
  while dbt parses there are no settings yet, and any number will do.
#}
{% macro setting(section, name) %}
    {% set values = var(section, {}) %}
    {% if execute and name not in values %}
        {% do exceptions.raise_compiler_error(
            'The variable ' ~ section ~ ' has no "' ~ name ~ '". It comes from the settings file of the company ('
            ~ section ~ '.' ~ name ~ ').') %}
    {% endif %}
    {{ return(values.get(name, 0)) }}
{% endmacro %}

{# The settings and fixed terms that figures of a customer depend on, as [name, value, what it is]; none for no limit. #}
{% macro told_settings() %}
    {%- set budget = var('rewards', {}).get('budget_amount') -%}
    {%- set told = [
        ['churn_horizon_days', var('churn_horizon_days'), 'Days without a valid order after which a customer is no longer active.'],
        ['churn.bands', setting('churn', 'bands'), 'Churn probabilities at which the bands medium, high and critical begin.'],
        ['points.return_window_days', setting('points', 'return_window_days'),
            'Days after an order in which returns count for tiers, and before its points can be used.'],
        ['points.expiry_months', setting('points', 'expiry_months'), 'Months after which unused points expire.'],
        ['points.earns_from', setting('points', 'earns_from'), 'When a customer starts to earn points.'],
        ['assumed.margin_rate', setting('assumed', 'margin_rate'), 'Margin as a part of net sales, for lines without a cost and for expected orders.'],
        ['assumed.reward_response_rate', setting('assumed', 'reward_response_rate'),
            'The part of customers who take up a reward, if no campaign of its type was measured.'],
        ['rewards.budget_amount', budget, 'What the rewards of a month may cost together; NULL for no limit.'],
    ] -%}
    {%- for part, weight in loyalty_weights().items() -%}
        {%- do told.append(['loyalty_score.' ~ part ~ '_weight', weight, 'Weight of the ' ~ part ~ ' part in the loyalty score.']) -%}
    {%- endfor -%}
    {%- for name, value in loyalty_terms().items() -%}
        {%- do told.append(['loyalty_score.' ~ name, value, loyalty_term_texts()[name]]) -%}
    {%- endfor -%}
    {{ return(told) }}
{% endmacro %}

{# The value of a setting as SQL text, several of one setting in their order. #}
{% macro setting_text(value) -%}
    {%- if value is none -%} cast(null as {{ dbt.type_string() }})
    {%- elif value is string or value is number -%} {{ text_literal(value | string) }}
    {%- else -%} {{ text_literal(value | join(', ')) }}
    {%- endif -%}
{%- endmacro %}

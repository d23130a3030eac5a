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

{# The settings and fixed terms that figures of a customer depend on, as [name, value, what it is]. Settings come with the
   words of their own page. #}
{% macro told_settings() %}
    {%- set told = var('told_settings', []) | list -%}
    {%- for part, weight in loyalty_weights().items() -%}
        {%- do told.append(['loyalty_score.' ~ part ~ '_weight', weight, 'Weight of the ' ~ part ~ ' part in the loyalty score.']) -%}
    {%- endfor -%}
    {%- for name, term in loyalty_terms().items() -%}
        {%- do told.append(['loyalty_score.' ~ name, term[0], term[1]]) -%}
    {%- endfor -%}
    {{ return(told) }}
{% endmacro %}

{# The digits of a phone number, which is written in many ways. #}
{% macro digits_of(text) -%}
    {{ return(adapter.dispatch('digits_of')(text)) }}
{%- endmacro %}
{% macro default__digits_of(text) -%}
    regexp_replace({{ text }}, '[^0-9]', '', 'g')
{%- endmacro %}
{% macro spark__digits_of(text) -%}
    regexp_replace({{ text }}, '[^0-9]', '')
{%- endmacro %}

{# A name or a postal code without what surrounds it, such as the apostrophe that keeps zeros; NULL where nothing is left. #}
{% macro plain_text(text) -%}
    nullif({{ without_blanks("ltrim(" ~ without_blanks(text) ~ ", '''')") }}, '')
{%- endmacro %}

{# The first day of the window that ends with as_of_date of `run_dates`. #}
{% macro abuse_window_from() -%}
    {{ add_days('run_dates.as_of_date', 1 - setting('abuse', 'window_days')) }}
{%- endmacro %}

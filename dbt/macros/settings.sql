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

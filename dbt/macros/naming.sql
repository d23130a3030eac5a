{# A model's schema is the one its folder names, without a prefix: marts are `marts` for everybody. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name if custom_schema_name else target.schema }}
{%- endmacro %}

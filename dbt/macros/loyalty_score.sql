{# What the loyalty score ranks: the first three make the purchase part, the others a part of their own. #}
{% macro loyalty_measures() %}
    {{ return(['recency', 'frequency', 'monetary', 'usage', 'feedback']) }}
{% endmacro %}

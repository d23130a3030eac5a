{# What the loyalty score ranks: the first three make the purchase part, the others a part of their own. #}
{% macro loyalty_measures() %}
    {{ return(['recency', 'frequency', 'monetary', 'usage', 'feedback']) }}
{% endmacro %}

{# The weights of its parts. #}
{% macro loyalty_weights() %}
    {{ return({'purchase': 0.4, 'usage': 0.4, 'feedback': 0.2}) }}
{% endmacro %}

{# The days in which events and ratings count, the fewest customers to rank among, and where its bands begin. #}
{% macro loyalty_terms() %}
    {{ return({'usage_days': 90, 'feedback_days': 365, 'minimum_customers': 100, 'mid_from': 30, 'high_from': 60}) }}
{% endmacro %}

{% macro loyalty_term_texts() %}
    {{ return({
        'usage_days': 'Days in which events count.',
        'feedback_days': 'Days in which ratings count.',
        'minimum_customers': 'Fewest customers that a value is ranked among.',
        'mid_from': 'Score at which the band mid begins.',
        'high_from': 'Score at which the band high begins.',
    }) }}
{% endmacro %}

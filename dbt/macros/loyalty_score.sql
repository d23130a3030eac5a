{# What the loyalty score ranks: the first three make the purchase part, the others a part of their own. #}
{% macro loyalty_measures() %}
    {{ return(['recency', 'frequency', 'monetary', 'usage', 'feedback']) }}
{% endmacro %}

{# The weights of its parts. #}
{% macro loyalty_weights() %}
    {{ return({'purchase': 0.4, 'usage': 0.4, 'feedback': 0.2}) }}
{% endmacro %}

{# Its other numbers, each with what it is. #}
{% macro loyalty_terms() %}
    {{ return({
        'usage_days': [90, 'Days in which events count.'],
        'feedback_days': [365, 'Days in which ratings count.'],
        'minimum_customers': [100, 'Fewest customers that a value is ranked among.'],
        'mid_from': [30, 'Score at which the band mid begins.'],
        'high_from': [60, 'Score at which the band high begins.'],
    }) }}
{% endmacro %}

{# One of them. #}
{% macro loyalty_term(name) %}
    {{ return(loyalty_terms()[name][0]) }}
{% endmacro %}

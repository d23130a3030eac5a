{# The accounts of the points ledger; a customer's first, then the programme's. #}
{% macro points_accounts() %}
    {{ return(['member_pending', 'member_available', 'issued', 'redeemed', 'expired', 'reversed', 'adjustment']) }}
{% endmacro %}

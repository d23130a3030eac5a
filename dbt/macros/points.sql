{# The accounts of the points ledger; a customer's first, then the programme's. #}
{% macro points_accounts() %}
    {{ return(['member_pending', 'member_available', 'issued', 'redeemed', 'expired', 'reversed', 'adjustment']) }}
{% endmacro %}

{# Whether the points of the element `one` are what an event gives back: those of its redemption, or of any of its order. #}
{% macro given_back() -%}
    case
        when use_id like 'take-back:%'
            then one.use_id like 'redemption:%' and coalesce(one.order_id = taken_order_id, taken_order_id is null)
        else one.use_id = use_id
    end
{%- endmacro %}

{# The key of a lot: what gave the points, and its key. #}
{% macro points_lot_id(source, source_id) -%}
    {{ source }} || ':' || {{ source_id }}
{%- endmacro %}

{# What is known of a customer when a reward is chosen: features of int_churn_features, as of a snapshot. #}
{% macro reward_features() %}
    {{ return([
        'recency_days', 'tenure_days', 'orders_per_week_90d', 'net_amount_per_week_90d', 'overdue_ratio', 'lines_per_order',
        'net_amount_per_order', 'discount_rate', 'return_rate', 'campaign_contacts_90d', 'redemptions_365d',
        'usage_events_90d',
    ]) }}
{% endmacro %}

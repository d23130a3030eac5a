{{ entity_versions('customer_feedback') }}

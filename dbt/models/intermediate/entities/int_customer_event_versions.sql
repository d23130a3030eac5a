{{ entity_versions('customer_events') }}

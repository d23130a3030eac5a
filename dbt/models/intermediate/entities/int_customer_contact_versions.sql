{{ entity_versions('customer_contacts') }}

{{ entity_versions('customers') }}

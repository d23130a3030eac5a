{{ entity_versions('exchange_rates') }}

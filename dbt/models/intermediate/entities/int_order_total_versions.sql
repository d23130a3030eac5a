{{ entity_versions('order_totals') }}

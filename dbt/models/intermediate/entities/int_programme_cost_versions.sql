{{ entity_versions('programme_costs') }}

{{ entity_versions('campaigns') }}

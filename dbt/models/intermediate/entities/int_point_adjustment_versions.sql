{{ entity_versions('point_adjustments') }}

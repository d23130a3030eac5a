{{ entity_versions('campaign_arms') }}

{{ entity_versions('campaign_members') }}

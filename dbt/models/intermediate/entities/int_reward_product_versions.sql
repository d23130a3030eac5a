{{ entity_versions('reward_products') }}

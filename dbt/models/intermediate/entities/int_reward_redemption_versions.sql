{{ entity_versions('reward_redemptions') }}

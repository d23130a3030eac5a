{{ config(post_hook="{{ set_watermark(last_batch()) }}") }}
{{ entity_versions('products') }}

select
    as_of_date,
    model_run_id,
    cluster_id,
    cluster_name,
    is_matched,
    centre_shift,
    share_rate,
    previous_share_rate
from {{ source('ml', 'cluster_drifts') }}

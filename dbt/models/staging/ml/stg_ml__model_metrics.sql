select
    model_run_id,
    model,
    metric,
    slice,
    value,
    baseline
from {{ source('ml', 'model_metrics') }}

select
    metrics.model_run_id,
    metrics.model,
    metrics.metric,
    metrics.slice,
    metrics.value,
    metrics.baseline
from {{ source('ml', 'model_metrics') }} as metrics
inner join {{ ref('fct_model_runs') }} as model_runs on metrics.model_run_id = model_runs.model_run_id

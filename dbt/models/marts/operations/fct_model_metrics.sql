with metrics as (

    select * from {{ ref('stg_ml__model_metrics') }}

),

model_runs as (

    select * from {{ ref('fct_model_runs') }}

)

select
    metrics.model_run_id,
    metrics.model,
    metrics.metric,
    metrics.slice,
    metrics.value,
    metrics.baseline
from metrics
inner join model_runs on metrics.model_run_id = model_runs.model_run_id

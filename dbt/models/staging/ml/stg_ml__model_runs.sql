select
    model_run_id,
    model,
    version,
    as_of_date,
    snapshot_from as snapshot_from_date,
    snapshot_to as snapshot_to_date,
    {{ adapter.quote('rows') }} as rows_count,
    is_champion,
    status,
    detail,
    trained_at
from {{ source('ml', 'model_runs') }}

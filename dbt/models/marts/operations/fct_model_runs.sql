select
    model_run_id,
    model,
    version,
    as_of_date,
    trained_at,
    snapshot_from as snapshot_from_date,
    snapshot_to as snapshot_to_date,
    "rows" as rows_count,
    is_champion,
    status
from {{ source('ml', 'model_runs') }}
where as_of_date <= (select as_of_date from {{ ref('int_run_dates') }})

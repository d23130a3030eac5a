select
    result_version_id,
    result,
    as_of_date,
    model_run_id
from {{ source('ml', 'result_versions') }}

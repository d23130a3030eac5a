select
    batch_id,
    source,
    table_name,
    file,
    rows_read,
    rows_loaded,
    rows_malformed,
    timezone('UTC', loaded_at) as loaded_at,
    superseded_by
from {{ source('ops', 'batches') }}

select
    batch_id,
    source,
    table_name,
    file,
    rows_read,
    rows_loaded,
    rows_malformed,
    superseded_by
from {{ source('ops', 'batches') }}

select
    source,
    table_name,
    batch_id,
    row_number,
    deleted_by
from {{ source('ops', 'deleted_rows') }}

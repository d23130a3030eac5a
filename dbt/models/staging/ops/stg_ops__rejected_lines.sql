select
    batch_id,
    source,
    table_name,
    file,
    row_number,
    reason,
    record as line
from {{ source('ops', 'rejected_lines') }}

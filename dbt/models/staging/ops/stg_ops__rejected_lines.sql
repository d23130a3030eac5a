select
    batch_id,
    source,
    table_name,
    file,
    row_number,
    reason,
    shown as line
from {{ source('ops', 'rejected_lines') }}

select
    build_id,
    publication_id,
    compared_with,
    mart,
    days,
    column_name,
    rows_before_count,
    rows_count,
    added_count,
    removed_count,
    changed_count,
    differing_count,
    difference,
    restated_rate
from {{ source('ops', 'publication_changes') }}

select
    batch_id,
    source,
    table_name,
    file,
    rows_read,
    rows_loaded,
    rows_malformed,
    {{ moment_to_utc('loaded_at') }} as loaded_at,
    superseded_by,
    -- an extract of a database table brings other rows each time; a file that comes again is the same file
    content_hash is null as is_extract,
    -- clocks differ: what lies more than a day behind its delivery cannot have happened yet
    {{ moment_to_utc('loaded_at') }} + interval '1' day as loaded_until
from {{ source('ops', 'batches') }}

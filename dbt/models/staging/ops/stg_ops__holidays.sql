select
    date_day,
    name
from {{ source('ops', 'holidays') }}

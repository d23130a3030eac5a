select
    name,
    definition,
    grain,
    worked_example,
    unit_test,
    model,
    owner
from {{ source('ops', 'metric_definitions') }}

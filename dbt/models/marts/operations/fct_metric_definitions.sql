with metric_definitions as (

    select * from {{ ref('stg_ops__metric_definitions') }}

)

select name, definition, grain, worked_example, unit_test, model, owner
from metric_definitions

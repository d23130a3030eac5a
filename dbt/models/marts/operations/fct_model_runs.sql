with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

model_runs as (

    select * from {{ ref('stg_ml__model_runs') }}

)

select
    model_run_id,
    model,
    version,
    as_of_date,
    trained_at,
    snapshot_from_date,
    snapshot_to_date,
    rows_count,
    is_champion,
    status,
    detail
from model_runs
where as_of_date <= (select as_of_date from run_dates)

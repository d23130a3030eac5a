{{ config(materialized='view') }}
-- A view: each learning step adds versions, and what reads this one sees them all.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

versions as (

    select * from {{ ref('stg_ml__result_versions') }}

)

select
    versions.result,
    versions.as_of_date,
    versions.as_of_date = run_dates.as_of_date as is_current,
    max_by(versions.model_run_id, versions.result_version_id) as model_run_id
from versions
inner join run_dates on versions.as_of_date <= run_dates.as_of_date
group by versions.result, versions.as_of_date, run_dates.as_of_date

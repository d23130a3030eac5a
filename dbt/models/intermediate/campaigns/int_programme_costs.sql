{{ config(materialized='view') }}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

programme_costs as (

    select * from {{ accepted(ref('int_programme_cost_versions')) }}

)

select cost_id, cost_date, category, amount, campaign_id
from programme_costs
where cost_date <= (select as_of_date from run_dates)

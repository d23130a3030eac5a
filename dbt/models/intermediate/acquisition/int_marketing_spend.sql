{{ config(materialized='view') }}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

marketing_spend as (

    select * from {{ accepted(ref('int_marketing_spend_versions')) }}

)

select
    spend_id,
    spend_date,
    {{ month_of('spend_date') }} as month,
    lower(trim(channel)) as channel,
    campaign_name,
    spend_amount,
    clicks,
    impressions
from marketing_spend
where spend_date <= (select as_of_date from run_dates)

{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}
{#
  Which id came to count as whose, as posted: rows are added, never changed. An id counts as itself until a row says
  otherwise.
#}
with identities as (

    select * from {{ ref('int_customer_identities') }}
    where customer_id <> source_customer_id

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

)

{% if is_incremental() %}
,

posted as (

    select
        source_customer_id,
        max(change_number) as change_number,
        max_by(customer_id, change_number) as customer_id
    from {{ this }}
    group by source_customer_id

),

days as (
{{ posting_day('changed_as_of') }}
),

compared as (

    select
        coalesce(identities.source_customer_id, posted.source_customer_id) as source_customer_id,
        coalesce(posted.change_number, 0) + 1 as change_number,
        coalesce(identities.customer_id, posted.source_customer_id) as customer_id,
        coalesce(posted.customer_id, identities.source_customer_id) as previous_customer_id,
        coalesce(identities.rule, 'own_id') as rule
    from identities
    full outer join posted on identities.source_customer_id = posted.source_customer_id

)

select
    compared.source_customer_id,
    compared.change_number,
    compared.customer_id,
    compared.previous_customer_id,
    compared.rule,
    days.as_of_date as changed_as_of
from compared
cross join days
where compared.customer_id <> compared.previous_customer_id
{% else %}
select
    identities.source_customer_id,
    cast(1 as bigint) as change_number,
    identities.customer_id,
    identities.source_customer_id as previous_customer_id,
    identities.rule,
    run_dates.as_of_date as changed_as_of
from identities
cross join run_dates
{% endif %}

{{ config(materialized='view') }}
{# The ledger as of as_of_date: what was posted, or, for a look back before the last posting, what its events give. #}
{%- set accounts = points_accounts() -%}
with days as (

    select as_of_date, coalesce(as_of_date >= (select max(posted_as_of) from {{ ref('int_points_postings') }}), true) as is_posted
    from {{ ref('int_run_dates') }}

)

select
    postings.journal_id,
    postings.posting_number,
    postings.kind,
    postings.source_id,
    postings.customer_id,
    postings.event_date,
    postings.entry_date,
    {%- for account in accounts %}
    postings.{{ account }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('int_points_postings') }} as postings
inner join days on days.is_posted

union all

select
    journals.journal_id,
    cast(1 as bigint) as posting_number,
    journals.kind,
    journals.source_id,
    journals.customer_id,
    journals.event_date,
    journals.event_date as entry_date,
    {%- for account in accounts %}
    journals.{{ account }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('int_points_journals') }} as journals
inner join days on not days.is_posted

{{ config(materialized='view') }}
{# The ledger as of as_of_date: what was posted, or, for a look back before the last posting, what its events give. #}
{%- set accounts = points_accounts() -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

points_journal_entries as (

    select * from {{ ref('int_points_journal_entries') }}

),

points_journals as (

    select * from {{ ref('int_points_journals') }}

),

days as (

    select as_of_date, coalesce(as_of_date >= (select max(posted_as_of) from points_journal_entries), true) as is_posted
    from run_dates

)

select
    entries.journal_id,
    entries.journal_version,
    entries.kind,
    entries.source_id,
    entries.customer_id,
    entries.event_date,
    entries.entry_date,
    {%- for account in accounts %}
    entries.{{ account }}{{ ',' if not loop.last }}
    {%- endfor %}
from points_journal_entries as entries
inner join days on days.is_posted

union all

select
    journals.journal_id,
    cast(1 as bigint) as journal_version,
    journals.kind,
    journals.source_id,
    journals.customer_id,
    journals.event_date,
    journals.event_date as entry_date,
    {%- for account in accounts %}
    journals.{{ account }}{{ ',' if not loop.last }}
    {%- endfor %}
from points_journals as journals
inner join days on not days.is_posted

{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}
{#
  The ledger as posted: rows are added, never changed. A journal that is new is posted on the day of its event, or on
  as_of_date where that day was posted before. A journal that would read differently now, because rows came late or
  were corrected or because rules of the past were edited, gets the difference as a correction on as_of_date.
#}
{%- set accounts = points_accounts() -%}
with journals as (

    select * from {{ ref('int_points_journals') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

)

{% if is_incremental() %}
,

posted as (

    select
        journal_id,
        kind,
        source_id,
        customer_id,
        event_date,
        {%- for account in accounts %}
        cast(sum({{ account }}) as bigint) as {{ account }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ this }}
    group by journal_id, kind, source_id, customer_id, event_date

),

days as (
{{ posting_day('posted_as_of') }}
),

differences as (

    select
        coalesce(journals.journal_id, posted.journal_id) as journal_id,
        coalesce(journals.kind, posted.kind) as kind,
        coalesce(journals.source_id, posted.source_id) as source_id,
        coalesce(journals.customer_id, posted.customer_id) as customer_id,
        coalesce(journals.event_date, posted.event_date) as event_date,
        {%- for account in accounts %}
        coalesce(journals.{{ account }}, 0) - coalesce(posted.{{ account }}, 0) as {{ account }}{{ ',' if not loop.last }}
        {%- endfor %}
    from journals
    full outer join posted
        on journals.journal_id = posted.journal_id
        and journals.customer_id = posted.customer_id
        and journals.event_date = posted.event_date

),

fresh as (

    select * from differences
    where {% for account in accounts %}{{ account }} <> 0{{ ' or ' if not loop.last }}{% endfor %}

),

-- an order that moved to another customer or day has its journal there, and its end here
numbered as (

    select
        fresh.*,
        coalesce(earlier.versions_count, 0)
            + row_number() over (partition by fresh.journal_id order by fresh.event_date, fresh.customer_id) as journal_version
    from fresh
    left join (
        select journal_id, count(*) as versions_count
        from {{ this }}
        where journal_id in (select journal_id from fresh)
        group by journal_id
    ) as earlier
        on fresh.journal_id = earlier.journal_id

)

select
    numbered.journal_id,
    numbered.journal_version,
    numbered.kind,
    numbered.source_id,
    numbered.customer_id,
    numbered.event_date,
    case
        when numbered.journal_version > 1 or numbered.event_date <= days.posted_through then days.as_of_date
        else numbered.event_date
    end as entry_date,
    days.as_of_date as posted_as_of,
    {%- for account in accounts %}
    numbered.{{ account }}{{ ',' if not loop.last }}
    {%- endfor %}
from numbered
cross join days
{% else %}
select
    journals.journal_id,
    cast(1 as bigint) as journal_version,
    journals.kind,
    journals.source_id,
    journals.customer_id,
    journals.event_date,
    journals.event_date as entry_date,
    run_dates.as_of_date as posted_as_of,
    {%- for account in accounts %}
    journals.{{ account }}{{ ',' if not loop.last }}
    {%- endfor %}
from journals
cross join run_dates
{% endif %}

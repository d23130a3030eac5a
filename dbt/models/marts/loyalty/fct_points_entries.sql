{{ config(materialized='view') }}
{# A view: the ledger keeps a row per journal and posting, with a column per account. #}
with ledger as (

    select * from {{ ref('int_points_ledger') }}

),

accounts as (

    {% for account in points_accounts() %}
    select '{{ account }}' as account
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

entries as (

    select
        ledger.*,
        accounts.account,
        case accounts.account
            {%- for account in points_accounts() %}
            when '{{ account }}' then ledger.{{ account }}
            {%- endfor %}
        end as points
    from ledger
    cross join accounts

)

select
    journal_id || '/' || {{ as_text('journal_version') }} || '/' || account as entry_id,
    journal_id,
    journal_version,
    customer_id,
    account,
    points,
    kind,
    source_id,
    event_date,
    entry_date,
    journal_version > 1 as is_correction
from entries
where points <> 0

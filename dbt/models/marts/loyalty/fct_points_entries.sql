{{ config(materialized='view') }}
{# A view: the ledger keeps a row per journal and posting, with a column per account. #}
with ledger as (

    select * from {{ ref('int_points_ledger') }}

),

given_adjustments as (

    select source_id from {{ ref('int_points_lots') }}
    where source = 'adjustment'

),

-- adjustments that take points make no lot
journals as (

    select
        ledger.*,
        case
            when ledger.kind in ('earn', 'release') then {{ points_lot_id("'order'", 'ledger.source_id') }}
            when ledger.kind = 'adjust' then {{ points_lot_id("'adjustment'", 'given_adjustments.source_id') }}
            when ledger.kind = 'expire' then replace(ledger.journal_id, 'expire:', '')
        end as lot_id
    from ledger
    left join given_adjustments on ledger.kind = 'adjust' and ledger.source_id = given_adjustments.source_id

),

accounts as (

    {% for account in points_accounts() %}
    select '{{ account }}' as account
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

entries as (

    select
        journals.*,
        accounts.account,
        case accounts.account
            {%- for account in points_accounts() %}
            when '{{ account }}' then journals.{{ account }}
            {%- endfor %}
        end as points
    from journals
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
    lot_id,
    event_date,
    entry_date,
    journal_version > 1 as is_correction
from entries
where points <> 0

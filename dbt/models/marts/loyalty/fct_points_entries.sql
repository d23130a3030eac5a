{{ config(materialized='view') }}
{# A view: the ledger keeps a row per journal and posting, with a column per account. #}
with ledger as (

    select * from {{ ref('int_points_ledger') }}

),

-- adjustments that take points make no lot
given_adjustments as (

    select source_id from {{ ref('int_points_lots') }}
    where source = 'adjustment'

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
        given_adjustments.source_id as given_adjustment_id,
        accounts.account,
        case accounts.account
            {%- for account in points_accounts() %}
            when '{{ account }}' then ledger.{{ account }}
            {%- endfor %}
        end as points
    from ledger
    cross join accounts
    left join given_adjustments on ledger.kind = 'adjust' and ledger.source_id = given_adjustments.source_id

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
    case
        when kind in ('earn', 'release') then {{ points_lot_id("'order'", 'source_id') }}
        when kind = 'adjust' then {{ points_lot_id("'adjustment'", 'given_adjustment_id') }}
        when kind = 'expire' then replace(journal_id, 'expire:', '')
    end as lot_id,
    event_date,
    entry_date,
    journal_version > 1 as is_correction
from entries
where points <> 0

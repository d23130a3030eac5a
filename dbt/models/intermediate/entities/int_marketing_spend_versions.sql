{# Spend in another currency is converted at the rate of its day, as order lines are. #}
with versions as (

{{ union_entity('marketing_spend') }}

),

rates as (

    select * from {{ ref('int_exchange_rate_periods') }}

),

valued as (

    select versions.*, {{ rate_of('versions.currency', 'rates') }} as exchange_rate
    from versions
    left join rates
        on versions.currency = rates.currency
        and versions.spend_date >= rates.valid_from
        and versions.spend_date < rates.valid_to

),

judged as (

    select
        *,
        coalesce(
{{ reject_reason('marketing_spend') }},
            {{ rate_reason('spend_date', ['amount']) }}
        ) as reject_reason
    from valued

),

{{ row_status_ctes('marketing_spend', versions='versions') }}

select *, {{ in_base_currency('amount') }} as spend_amount
from judged_rows

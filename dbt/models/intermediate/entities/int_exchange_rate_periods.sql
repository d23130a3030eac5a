{#
  The days on which a rate holds: until the next one, as banks publish none on weekends and holidays, and for so many days
  (setting `exchange_rate_days`) at the most. The base currency needs none.
#}
with rates as (

    select * from {{ accepted(ref('int_exchange_rate_versions')) }}
    where currency <> {{ text_literal(var('base_currency')) }}

)

select
    currency,
    rate_date as valid_from,
    least(
        coalesce(lead(rate_date) over (partition by currency order by rate_date), {{ date_or_null('9999-12-31') }}),
        {{ add_days('rate_date', var('exchange_rate_days') + 1) }}
    ) as valid_to,
    rate
from rates

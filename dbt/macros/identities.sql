{# Who a customer id means, where the company joins the ids of a person (settings: identity). #}

{#
  The rows of a relation, for a from clause, with the customer_id of the person where theirs is another id of the same.
  Where ids are not joined, the relation itself. source_id: with the id as delivered beside it, in source_customer_id.
#}
{% macro resolved(relation, source_id=false) -%}
    {%- if not var('resolves_identities') -%}
    {{ '(select *, customer_id as source_customer_id from ' ~ relation ~ ')' if source_id else relation }}
    {%- else -%}
    (
        select
            {{ all_columns_but('delivered', 'customer_id') }},
            {{ 'delivered.customer_id as source_customer_id,' if source_id }}
            coalesce(identities.customer_id, delivered.customer_id) as customer_id
        from {{ relation }} as delivered
        left join (
            select source_customer_id, customer_id
            from {{ ref('int_customer_identities') }}
            where customer_id <> source_customer_id
        ) as identities
            on delivered.customer_id = identities.source_customer_id
    )
    {%- endif -%}
{%- endmacro %}

{# The order of a person's source_customer_ids: the one that is the customer_id, then the others. #}
{% macro own_id_first() -%}
    case when source_customer_id = customer_id then '' else source_customer_id end
{%- endmacro %}

{# An e-mail address as it is compared: in lower case, without what surrounds it; NULL where it is none. #}
{% macro compared_email(email) -%}
    case when {{ matches_whole(without_blanks(email), '[^@\\s]+@[^@\\s]+') }} then lower({{ without_blanks(email) }}) end
{%- endmacro %}

{#
  A phone number as it is compared: digits with the country's code, where it is written or the settings say it. NULL where
  it has letters, is too short, or is one digit again and again, as people write who have none.
#}
{% macro compared_phone(phone) -%}
    {%- set country = setting('identity', 'country_code') -%}
    {%- set written = "replace(" ~ without_blanks(phone) ~ ", '(0)', '')" -%}
    {%- set digits = digits_of(written) -%}
    case
        when {{ matches_whole(written, '.*\\p{L}.*') }} or length({{ digits }}) < 6 then null
        when replace({{ digits }}, left({{ digits }}, 1), '') = '' then null
        when {{ written }} like '+%' then {{ digits }}
        when {{ digits }} like '00%' then substring({{ digits }}, 3)
    {%- if country %}
        when {{ digits }} like '0%' then {{ text_literal(country) }} || substring({{ digits }}, 2)
        when {{ digits }} like {{ text_literal(country ~ '%') }} and length({{ digits }}) > 10 then {{ digits }}
        else {{ text_literal(country) }} || {{ digits }}
    {%- else %}
        else {{ digits }}
    {%- endif %}
    end
{%- endmacro %}

{# A phone number in international form (E.164), +49301234567; NULL where its country is not known, or it is too long. #}
{% macro international_phone(phone) -%}
    {%- set written = without_blanks(phone) -%}
    case
        when length({{ compared_phone(phone) }}) > 15 then null
    {%- if not setting('identity', 'country_code') %}
        when not ({{ written }} like '+%' or {{ written }} like '00%') then null
    {%- endif %}
        else '+' || {{ compared_phone(phone) }}
    end
{%- endmacro %}

{# Whether the stop list of the settings names an address that is compared: whole, or by its domain. #}
{% macro is_stopped_email(email) -%}
    {%- set listed = [''] + (setting('identity', 'stop_list') or []) | map('lower') | list -%}
    {{ email }} in {{ text_list(listed) }} or '@' || split_part({{ email }}, '@', 2) in {{ text_list(listed) }}
{%- endmacro %}

{# The same of a phone number, in whatever way the list writes it. #}
{% macro is_stopped_phone(phone) -%}
    {{ phone }} in (''{% for entry in setting('identity', 'stop_list') or [] if '@' not in entry %}, {{ compared_phone(text_literal(entry)) }}{% endfor %})
{%- endmacro %}

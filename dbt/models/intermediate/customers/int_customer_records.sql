{{ config(materialized='view') }}
{#
  What is known of customers by their records. Of a person with several ids the first that has a value decides, the own one
  before others; consent is that of all records that say anything.
#}
{%- set several = var('resolves_identities') -%}
with customer_records as (

    select * from {{ resolved(accepted(ref('int_customer_versions')), source_id=true) }}

)

select
    customer_id,
    {%- for name in ['country', 'language', 'birth_year', 'attributes'] %}
    {{ 'min_by(' ~ name ~ ', ' ~ own_id_first() ~ ') filter (where ' ~ name ~ ' is not null) as ' ~ name if several else name }},
    {%- endfor %}
    {%- for name in ['email_consent', 'sms_consent', 'ads_consent'] %}
    {{ 'bool_and(' ~ name ~ ') as ' ~ name if several else name }}{{ ',' if not loop.last }}
    {%- endfor %}
from customer_records
{{ 'group by customer_id' if several }}

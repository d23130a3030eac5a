{# What staging models use. #}

{# The columns whose text does not convert, as a reason; NULL where all do. [column, type] each. #}
{% macro conversion_reason(columns) -%}
    nullif(concat_ws(', '
    {%- for column, type in columns -%}
        , case when {{ column }} is not null and try_cast({{ column }} as {{ type }}) is null
            then {{ text_literal(column ~ ' is not a ' ~ type) }} end
    {%- endfor -%}
    ), '')
{%- endmacro %}

{#
  The whole body of a staging model of a table whose columns are the entity's already: text is converted, empty text is
  NULL, and what does not convert is the row's reason to be rejected. Timestamps without an offset are UTC.
#}
{% macro canonical_rows(relation, columns, is_text) -%}
with delivered as (

    select
    {%- for column, type in columns %}
        {{ "nullif(" ~ column ~ ", '') as " ~ column if is_text else column }},
    {%- endfor %}
        _batch_id,
        _file,
        _row_number
    from {{ relation }}

)

select
{%- for column, type in columns %}
    {{ canonical_value(column, type) if is_text else column }} as {{ column }},
{%- endfor %}
{%- if is_text %}
    {{ conversion_reason(columns | rejectattr(1, 'equalto', 'text')) }} as _reject_reason,
{%- endif %}
    _batch_id,
    _file,
    _row_number
from delivered
{%- endmacro %}

{# A column's text as its type. #}
{% macro canonical_value(column, type) -%}
    {%- if type == 'text' -%}{{ column }}
    {%- elif type == 'timestamp' -%}{{ text_to_utc(column) }}
    {%- else -%}try_cast({{ column }} as {{ type }}){%- endif -%}
{%- endmacro %}

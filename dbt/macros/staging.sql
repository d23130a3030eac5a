{# What staging models use. #}

{#
  The columns whose text does not convert without losing something, as a reason with the texts behind a tab; NULL where all
  do. [column, type] each, or [column, type, how it is called]: `timestamp` names no offset from UTC, as a cast would drop it; `timestamptz` may name one.
#}
{% macro conversion_reason(columns) -%}
    {%- set failures = [] -%}
    {%- for entry in columns -%}
        {%- set column, type = entry[0], entry[1] -%}
        {%- set said = entry[2] if entry | length > 2 else column | replace('"', '') | replace('`', '') -%}
        {%- do failures.append(['not ' ~ converts(column, type), column, said ~ ' is not a ' ~ ('timestamp' if type == 'timestamptz' else type)]) -%}
    {%- endfor -%}
    {%- if not failures -%}{{ as_text('null') }}{%- else -%}
    case when {{ failures | map(attribute=0) | join(' or ') }} then
        concat_ws(', '
        {%- for condition, column, reason in failures -%}
            , case when {{ condition }} then {{ text_literal(reason) }} end
        {%- endfor -%}
        ) || chr(9) || concat_ws(', '
        {%- for condition, column, reason in failures -%}
            , case when {{ condition }} then {{ masked_text(column) }} end
        {%- endfor -%}
        )
    end
    {%- endif -%}
{%- endmacro %}

{#
  A price times a quantity, each a text or a number, as an amount; NULL where it is too large, and the row is rejected. Two
  decimals of at most 18 digits would be multiplied in a number of 18 digits, and stop the build where that overflows.
#}
{% macro price_times(price, quantity) -%}
    try_cast(try_cast({{ price }} as decimal(20, 8)) * try_cast({{ quantity }} as decimal(18, 4)) as decimal(18, 4))
{%- endmacro %}

{# Whether a column's text (or other value) becomes the type and comes back the same; true where there is none. #}
{% macro converts(column, type) -%}
    {%- set text = as_text(column) -%}
    {%- set date, time, offset = '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}', '[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6}0{0,3})?)?', '( ?(Z|UTC|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?))?' -%}
    {%- if type == 'timestamp' -%}
        {%- set good = matches_whole(text, date ~ '(' ~ time ~ ')?') ~ ' and try_cast(' ~ column ~ ' as timestamp) is not null' -%}
    {%- elif type == 'timestamptz' -%}
        {%- set good = matches_whole(text, date ~ '(' ~ time ~ offset ~ ')?') ~ ' and ' ~ text_to_utc(text) ~ ' is not null' -%}
    {%- elif type == 'date' -%}
        {%- set good = matches_whole(text, date ~ '([ T]0?0:00(:00([.]0+)?)?)?') ~ ' and try_cast(' ~ column ~ ' as date) is not null' -%}
    {%- elif type == 'boolean' -%}
        {%- set good = 'try_cast(' ~ column ~ ' as boolean) is not null' -%}
    {%- elif type == 'double' -%}
        {%- set good = matches_whole(text, number_pattern()) ~ ' and abs(try_cast(' ~ column ~ ' as double)) < 1e300' -%}
    {%- else -%}
        {%- set exact = 'try_cast(' ~ column ~ ' as decimal(38, 16))' -%}
        {%- set good = matches_whole(text, number_pattern())
            ~ ' and abs(cast(try_cast(' ~ column ~ ' as ' ~ type ~ ') as decimal(38, 16)) - ' ~ exact ~ ') <= 0.00000001' -%}
    {%- endif -%}
    ({{ column }} is null or coalesce({{ good }}, false))
{%- endmacro %}

{# How a number may be written: digits with or without a decimal point, and an exponent. #}
{% macro number_pattern() -%}
    {{ return(' *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)? *') }}
{%- endmacro %}

{#
  The whole body of a staging model of a table whose columns are the entity's already: text is converted, empty text is
  NULL, and what does not convert is the row's reason to be rejected. Timestamps without an offset are UTC.
#}
{% macro canonical_rows(relation, columns, is_text, version=none) -%}
with delivered as (

    select
    {%- for column, type in columns %}
        {{ "nullif(" ~ column ~ ", '') as " ~ column if is_text else column }},
    {%- endfor %}
        {{ version_of(version) }} as _version,
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
    {{ conversion_reason(canonical_types(columns)) }} as _reject_reason,
{%- endif %}
    _version,
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

{# What the text of the columns has to convert to: a timestamp may name its offset. #}
{% macro canonical_types(columns) %}
    {% set types = [] %}
    {% for column, type in columns if type != 'text' %}
        {% do types.append([column, 'timestamptz' if type == 'timestamp' else type]) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}

{# The version of a row, as a number that grows: of a column of moments or numbers, by name; NULL without one. #}
{% macro version_of(column) -%}
    {%- if not column -%}cast(null as decimal(38, 6))
    {%- else -%}coalesce(try_cast({{ column }} as decimal(38, 6)), try_cast({{ epoch_seconds(text_to_utc(as_text(column))) }} as decimal(38, 6)))
    {%- endif -%}
{%- endmacro %}

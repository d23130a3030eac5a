{#
  What is possible by type and impossible by meaning: a date before `earliest_date` or after its delivery, an amount or a number
  too large for anything that is sold. Such a value is NULL behind here, so that nothing downstream is bounded by it, and
  its row is rejected with the reason.
#}

{# A value of an entity's column where it is plausible, else NULL. #}
{% macro plausible(name, column) -%}
    {%- set doubt = implausible(name, column) -%}
    {%- if doubt -%}case when {{ doubt | map(attribute=0) | join(' or ') }} then null else {{ name }} end
    {%- else -%}{{ name }}{%- endif -%}
{%- endmacro %}

{# Why a value of an entity's column is impossible, as [condition, reason] each; nothing for a text. #}
{% macro implausible(name, column) %}
    {%- set type = column['type'] -%}
    {%- set largest = var('ingest').get('largest_quantity' if name == 'quantity' else 'largest_amount', 0) | string -%}
    {%- set found = [] -%}
    {%- if type in ('date', 'timestamp') -%}
        {%- do found.append([name ~ ' < ' ~ date_or_null(var('earliest_date')), 'is before ' ~ var('earliest_date') ~ ' (earliest_date)']) -%}
        {%- set last = "cast('9999-12-31' as date)" if column['may_lie_ahead'] else 'loaded_until' -%}
        {%- do found.append([name ~ ' > ' ~ last, 'lies after its delivery' if not column['may_lie_ahead'] else 'is no day of a calendar']) -%}
    {%- elif type not in ('text', 'boolean') -%}
        {%- do found.append([name ~ ' not between -' ~ largest ~ ' and ' ~ largest, 'is larger than ' ~ largest]) -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{# The first thing about a row that is impossible, with the value behind a tab; NULL where all is possible. #}
{% macro implausible_reason(entity, present) -%}
    case
        when false then null
    {%- for name, column in var('entities').get(entity, {}).get('columns', {}).items() if name in present %}
        {%- if column['prefixed'] %}
        when {{ is_scientific(name) }}
            then {{ rejection(name ~ ' is a number in scientific notation, whose digits are lost', name) }}
        {%- endif %}
        {%- if column['need'] == 'key' and column['type'] == 'text' %}
        when {{ name }} is null then {{ text_literal(name ~ ' is missing') }}
        {%- else %}
            {%- for condition, reason in implausible(name, column) %}
        when {{ condition }} then {{ rejection(name ~ ' ' ~ reason, name) }}
            {%- endfor %}
        {%- endif %}
    {%- endfor %}
    end
{%- endmacro %}

{# A reason with the value it is about behind a tab, as `_reject_reason` carries both: the value in its masked form. #}
{% macro rejection(reason, value) -%}
    {{ text_literal(reason) }} || chr(9) || {{ masked_text(value) }}
{%- endmacro %}

{#
  A text as it may be shown: numbers, dates and times as they are, since they tell what is wrong with a format; of anything
  else the shape alone, every letter an x and every digit a #.
#}
{% macro masked_text(value) -%}
    {{ return(adapter.dispatch('masked_text')(as_text(value))) }}
{%- endmacro %}
{% macro default__masked_text(value) -%}
    case when regexp_full_match({{ value }}, {{ text_literal(var('shown_text')) }}) then {{ value }}
        else regexp_replace(regexp_replace(left({{ value }}, 200), '\p{L}|\p{M}', 'x', 'g'), '\p{N}', '#', 'g') end
{%- endmacro %}
{% macro spark__masked_text(value) -%}
    case when {{ matches_whole(value, var('shown_text')) }} then {{ value }}
        else regexp_replace(regexp_replace(left({{ value }}, 200), '[\\p{L}\\p{M}]', 'x'), '\\p{N}', '#') end
{%- endmacro %}

{#
  A column of a rejected row as it may be shown: an id that looks like one and what is no text as it is, other text in its
  masked form, since in a line that is wrong anything may stand anywhere.
#}
{% macro shown_column(name, column) -%}
    {%- if column['prefixed'] -%}
    case when {{ matches_whole(name, '[0-9A-Za-z_.:/-]*') }} then {{ name }} else {{ masked_text(name) }} end
    {%- elif column['type'] == 'text' -%}{{ masked_text(name) }}
    {%- else -%}{{ name }}{%- endif -%}
{%- endmacro %}

{#
  What an id is, decided here for every entity and every key. Blanks around it go, also those that do not show; nothing and
  the words that stand for nothing (`no_id` of the source's YAML) are none, as are the customer ids that stand for a guest
  (`guest_ids`); 12345.0, which exports of columns with gaps write, is 12345. Leading zeros and dots within an id stay.
#}

{# An id as it stands in a column of a source (name: of the entity's column), NULL where it is none. #}
{% macro clean_id(value, source=none, name='') -%}
    {%- set rules = id_rules(source) -%}
    {%- set none_of_all = rules['no_id'] + (rules['guest_ids'] if name == 'customer_id' else []) -%}
    {%- set spelled = {'upper': 'upper(' ~ value ~ ')', 'lower': 'lower(' ~ value ~ ')'}.get(rules['id_case'], value) -%}
    case
    {#- one comparison a word, after those that most ids leave by: DuckDB makes a join of a list, for each column -#}
    {%- if not none_of_all | map('first') | select('in', '123456789') | list %}
        when {{ value }} >= '1' and {{ value }} < ':' then {{ spelled }}
    {%- endif %}
        when length({{ value }}) > {{ none_of_all | map('length') | max }} then {{ spelled }}
    {%- for word in [''] + none_of_all %}
        when lower({{ value }}) = {{ text_literal(word | lower) }} then null
    {%- endfor %}
        else {{ spelled }} end
{%- endmacro %}

{# An id without what surrounds it. Most have nothing around them, and are told by comparisons that cost next to nothing. #}
{% macro trimmed_id(value) -%}
    case when {{ value }} >= '0' and {{ value }} < '{' and right({{ value }}, 1) >= '0'
            and {{ byte_length(value) }} = length({{ value }}) and {{ value }} not like '%.%0' then {{ value }}
        when {{ matches_whole(without_blanks(value), '-?[0-9]+[.]0+') }}
            then split_part({{ without_blanks(value) }}, '.', 1)
        else {{ without_blanks(value) }} end
{%- endmacro %}

{# Whether an id is a number that lost its digits to scientific notation, as spreadsheets and Java write long ones. The same
   pattern stands in warehouse/ingest/hashed_ids.py. #}
{% macro is_scientific(value) -%}
    ({{ value }} like '%+%' or {{ value }} like '%.%E%')
            and {{ matches_whole(value, '-?[0-9]+([.,][0-9]+)?[eE][+][0-9]+|-?[0-9][.][0-9]+E[0-9]{1,2}') }}
{%- endmacro %}

{# A text without blanks at its ends: also those that no keyboard has, and those that take no room. #}
{% macro without_blanks(value) -%}
    {{ return(adapter.dispatch('without_blanks')(value)) }}
{%- endmacro %}
{% macro default__without_blanks(value) -%}
    regexp_replace({{ value }}, '^[\s\p{Z}\x{AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2069}\x{FEFF}]+|[\s\p{Z}\x{AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2069}\x{FEFF}]+$', '', 'g')
{%- endmacro %}
{% macro spark__without_blanks(value) -%}
    regexp_replace({{ value }}, '^[\\s\\p{Z}\\u00AD\\u200B-\\u200F\\u202A-\\u202E\\u2060-\\u2069\\uFEFF]+|[\\s\\p{Z}\\u00AD\\u200B-\\u200F\\u202A-\\u202E\\u2060-\\u2069\\uFEFF]+$', '')
{%- endmacro %}

{# What a source's YAML says of its ids; without a source, what holds where it says nothing. #}
{% macro id_rules(source=none) %}
    {{ return(var('id_rules').get(source) or var('id_rules').get('', {'no_id': [], 'guest_ids': [], 'id_case': 'exact'})) }}
{% endmacro %}

{# How many bytes a text takes; more than it has letters where some are not ASCII. #}
{% macro byte_length(text) -%}
    {{ return(adapter.dispatch('byte_length')(text)) }}
{%- endmacro %}
{% macro default__byte_length(text) -%}
    strlen({{ text }})
{%- endmacro %}
{% macro spark__byte_length(text) -%}
    octet_length({{ text }})
{%- endmacro %}

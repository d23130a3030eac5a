{# What staging models call that are written from a source's `mapping:` (dagster_project/dbt_runner/mapped_models.py). #}

{# A value, or where there is none the last one above it. #}
{% macro last_filled(value, partition, order) -%}
    last_value({{ ignoring_nulls(value) }} over (partition by {{ partition }} order by {{ order }} rows between unbounded preceding and current row)
{%- endmacro %}

{# The first value that there is among the rows of a partition. #}
{% macro first_filled(value, partition, order) -%}
    first_value({{ ignoring_nulls(value) }} over (partition by {{ partition }} order by {{ order }} rows between unbounded preceding and unbounded following)
{%- endmacro %}

{# The argument of a window function that passes over NULL, with the bracket that closes its call. #}
{% macro ignoring_nulls(value) -%}
    {{ return(adapter.dispatch('ignoring_nulls')(value)) }}
{%- endmacro %}
{% macro default__ignoring_nulls(value) -%}
    {{ value }} ignore nulls)
{%- endmacro %}
{% macro spark__ignoring_nulls(value) -%}
    {{ value }}) ignore nulls
{%- endmacro %}

{# What the group of a regular expression matches in a text, empty where nothing does. #}
{% macro text_between(text, pattern) -%}
    regexp_extract({{ text }}, {{ text_literal(pattern) }}, 1)
{%- endmacro %}

{# A whole number of up to 38 digits, and how many whole times one goes into another. #}
{% macro whole_number(expression) -%}
    {{ return(adapter.dispatch('whole_number')(expression)) }}
{%- endmacro %}
{% macro default__whole_number(expression) -%}
    cast({{ expression }} as hugeint)
{%- endmacro %}
{% macro spark__whole_number(expression) -%}
    cast({{ expression }} as decimal(38, 0))
{%- endmacro %}
{% macro whole_quotient(dividend, divisor) -%}
    {{ return(adapter.dispatch('whole_quotient')(dividend, divisor)) }}
{%- endmacro %}
{% macro default__whole_quotient(dividend, divisor) -%}
    ({{ dividend }} // {{ divisor }})
{%- endmacro %}
{% macro spark__whole_quotient(dividend, divisor) -%}
    ({{ dividend }} div {{ divisor }})
{%- endmacro %}

{# An amount in whole cents, and a weight or another amount in whole ten-thousandths, without a sign. #}
{% macro cents_of(amount) -%}
    {{ whole_number('round(abs(' ~ amount ~ ') * 100)') }}
{%- endmacro %}
{% macro parts_of(amount) -%}
    {{ whole_number('abs(' ~ money(amount) ~ ') * 10000') }}
{%- endmacro %}

{#
  The cents that a line gets of an order's amount before those are shared out that are left over: by its weight among the
  weights of the order, or all of them to the order's first line where no line has a weight.
#}
{% macro cents_of_share(whole, weight, weights, place) -%}
    case when {{ weights }} > 0 then {{ whole_quotient(cents_of(whole) ~ ' * ' ~ parts_of(weight), parts_of(weights)) }}
        when {{ place }} = 1 then {{ cents_of(whole) }} when {{ whole }} is not null then 0 end
{%- endmacro %}

{# How much a line lost by that, in parts of a cent. #}
{% macro rest_of_share(whole, weight, weights, place) -%}
    case when {{ weights }} > 0 then mod({{ cents_of(whole) }} * {{ parts_of(weight) }}, {{ parts_of(weights) }}) else 0 end
{%- endmacro %}

{# An amount times a part of a whole, in cents, half away from zero; 0 where the whole is 0. #}
{% macro share_to_the_cent(amount, part, whole) -%}
    {%- set product = parts_of(amount) ~ ' * ' ~ parts_of(part) -%}
    {%- set divisor = parts_of(whole) ~ ' * 100' -%}
    case when {{ whole }} = 0 then {{ money('0') }}
        else {{ money('sign(' ~ amount ~ ') * sign(' ~ part ~ ') * sign(' ~ whole ~ ') * '
            ~ whole_quotient('(' ~ product ~ ' * 2 + ' ~ divisor ~ ')', '(' ~ divisor ~ ' * 2)') ~ ' / 100.0') }} end
{%- endmacro %}

{# A time of day in 24 hours: of 2:05 PM, 14:05. What is none stays as it is, and its row is rejected. #}
{% macro clock_of(text) -%}
    {{ return(adapter.dispatch('clock_of')(text)) }}
{%- endmacro %}
{% macro default__clock_of(text) -%}
    coalesce(
        strftime(try_strptime(upper(trim({{ text }})), ['%I:%M:%S %p', '%I:%M %p', '%I:%M:%S%p', '%I:%M%p']), '%H:%M:%S'), {{ text }}, '00:00:00'
    )
{%- endmacro %}
{% macro spark__clock_of(text) -%}
    coalesce(
        date_format(try_to_timestamp(upper(trim({{ text }})), 'h:mm:ss a'), 'HH:mm:ss'),
        date_format(try_to_timestamp(upper(trim({{ text }})), 'h:mm a'), 'HH:mm:ss'), {{ text }}, '00:00:00'
    )
{%- endmacro %}

{# A moment that is written by a format of its own (as of strftime) in ISO's form; what is no such text stays as it is. #}
{% macro parsed_moment(text, format) -%}
    {{ return(adapter.dispatch('parsed_moment')(text, format)) }}
{%- endmacro %}
{% macro default__parsed_moment(text, format) -%}
    coalesce(strftime(try_strptime({{ text }}, {{ text_literal(format) }}), '%Y-%m-%d %H:%M:%S'), {{ as_text(text) }})
{%- endmacro %}
{% macro spark__parsed_moment(text, format) -%}
    {%- set words = {'%Y': 'yyyy', '%y': 'yy', '%m': 'MM', '%d': 'dd', '%H': 'HH', '%I': 'hh', '%M': 'mm', '%S': 'ss', '%p': 'a', '%b': 'MMM', '%B': 'MMMM'} -%}
    {%- set found = namespace(pattern=format) -%}
    {%- for ours, theirs in words.items() -%}{%- set found.pattern = found.pattern | replace(ours, theirs) -%}{%- endfor -%}
    coalesce(date_format(try_to_timestamp({{ text }}, {{ text_literal(found.pattern) }}), 'yyyy-MM-dd HH:mm:ss'), {{ as_text(text) }})
{%- endmacro %}

{#
  The reason of a value that a mapping's list does not name. A mask, as of systems that hide values from who exports them, is
  told apart: a list cannot mend it.
#}
{% macro unlisted_rejection(name, value) -%}
    case
        when {{ is_mask(as_text(value)) }} then {{ rejection(name ~ ' is masked in the delivery, so that the list of the mapping cannot be applied', value) }}
        else {{ rejection(name ~ ' has a value that the mapping does not list', value) }}
    end
{%- endmacro %}

{# Whether a text is a mask, such as *** or [redacted], in place of a value. #}
{% macro is_mask(text) -%}
    {{ matches_whole('lower(' ~ text ~ ')', '[*\u2022]+|[\\[(<]?(redacted|masked|hidden)[\\])>]?') }}
{%- endmacro %}

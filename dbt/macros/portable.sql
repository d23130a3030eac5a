{# What DuckDB and Spark write differently. Models call these and stay the same on both. #}

{% macro as_text(expression) -%}
    cast({{ expression }} as {{ dbt.type_string() }})
{%- endmacro %}

{# An amount. In a staging model one that is too large is NULL, and its row rejected; anywhere else it stops the build. #}
{% macro money(expression) -%}
    {{ 'try_cast' if model.name.startswith('stg_') else 'cast' }}({{ expression }} as decimal(18, 4))
{%- endmacro %}

{# Whether a text matches a regular expression from its first letter to its last. #}
{% macro matches_whole(text, pattern) -%}
    {{ return(adapter.dispatch('matches_whole')(text, pattern)) }}
{%- endmacro %}
{% macro default__matches_whole(text, pattern) -%}
    regexp_full_match({{ text }}, {{ text_literal(pattern) }})
{%- endmacro %}
{% macro spark__matches_whole(text, pattern) -%}
    {{ text }} rlike {{ text_literal('^(' ~ pattern ~ ')$') }}
{%- endmacro %}

{# A UTC timestamp as seconds since 1970, with their fractions. #}
{% macro epoch_seconds(utc_timestamp) -%}
    {{ return(adapter.dispatch('epoch_seconds')(utc_timestamp)) }}
{%- endmacro %}
{% macro default__epoch_seconds(utc_timestamp) -%}
    cast(epoch_us({{ utc_timestamp }}) as decimal(38, 6)) / 1000000
{%- endmacro %}
{% macro spark__epoch_seconds(utc_timestamp) -%}
    cast(unix_micros({{ utc_timestamp }}) as decimal(38, 6)) / 1000000
{%- endmacro %}

{# The rate of two sums, NULL where the denominator is zero. #}
{% macro rate(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{% macro days_between(later, earlier) -%}
    {{ return(adapter.dispatch('days_between')(later, earlier)) }}
{%- endmacro %}
{% macro default__days_between(later, earlier) -%}
    cast(cast({{ later }} as date) - cast({{ earlier }} as date) as integer)
{%- endmacro %}
{% macro spark__days_between(later, earlier) -%}
    cast(datediff({{ later }}, {{ earlier }}) as int)
{%- endmacro %}

{% macro add_days(day, number) -%}
    {{ return(adapter.dispatch('add_days')(day, number)) }}
{%- endmacro %}
{% macro default__add_days(day, number) -%}
    (cast({{ day }} as date) + cast({{ number }} as integer))
{%- endmacro %}
{% macro spark__add_days(day, number) -%}
    date_add({{ day }}, cast({{ number }} as int))
{%- endmacro %}

{# The first day of the month that is `number` months after the month of `day`. #}
{% macro add_months(day, number) -%}
    {{ return(adapter.dispatch('add_months')(day, number)) }}
{%- endmacro %}
{% macro default__add_months(day, number) -%}
    cast(date_trunc('month', cast({{ day }} as date)) + to_months(cast({{ number }} as integer)) as date)
{%- endmacro %}
{% macro spark__add_months(day, number) -%}
    add_months(trunc({{ day }}, 'month'), {{ number }})
{%- endmacro %}

{% macro month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{# Calendar months from the month of `earlier` to the month of `later`. #}
{% macro months_between(later, earlier) -%}
    cast((extract(year from {{ later }}) * 12 + extract(month from {{ later }}))
        - (extract(year from {{ earlier }}) * 12 + extract(month from {{ earlier }})) as integer)
{%- endmacro %}

{# Whole number of times that `divisor` goes into `dividend` (both not negative). #}
{% macro whole_division(dividend, divisor) -%}
    cast(floor(({{ dividend }}) / ({{ divisor }})) as integer)
{%- endmacro %}

{# floor(number * part / whole), exactly: `number` is whole, the amounts have four decimals and are not negative. #}
{% macro whole_share(number, part, whole) -%}
    {{ return(adapter.dispatch('whole_share')(number, part, whole)) }}
{%- endmacro %}
{% macro default__whole_share(number, part, whole) -%}
    cast(
        cast({{ number }} as hugeint) * cast(({{ part }}) * 10000 as hugeint) // nullif(cast(({{ whole }}) * 10000 as hugeint), 0)
        as bigint
    )
{%- endmacro %}
{% macro spark__whole_share(number, part, whole) -%}
    (cast({{ number }} as decimal(18, 0)) * ({{ part }})) div nullif({{ whole }}, 0)
{%- endmacro %}

{# How many different whole numbers from 0 to `largest` there are in a group; those that are NULL do not count. As bits
   of one number where they fit: a set for each of millions of groups takes twice the time and the memory. #}
{% macro count_distinct_numbers(number, largest) -%}
    {%- if largest > 62 -%}
    count(distinct {{ number }})
    {%- else -%}
    cast(coalesce(bit_count(bit_or({{ power_of_two(number) }})), 0) as bigint)
    {%- endif -%}
{%- endmacro %}

{% macro power_of_two(number) -%}
    {{ return(adapter.dispatch('power_of_two')(number)) }}
{%- endmacro %}
{% macro default__power_of_two(number) -%}
    (cast(1 as bigint) << cast({{ number }} as bigint))
{%- endmacro %}
{% macro spark__power_of_two(number) -%}
    shiftleft(cast(1 as bigint), cast({{ number }} as int))
{%- endmacro %}

{# A column's name as an identifier, whatever letters it has. #}
{% macro quoted_name(name) -%}
    {{ return(adapter.dispatch('quoted_name')(name)) }}
{%- endmacro %}
{% macro default__quoted_name(name) -%}
    {{ return('"' ~ name | replace('"', '""') ~ '"') }}
{%- endmacro %}
{% macro spark__quoted_name(name) -%}
    {{ return('`' ~ name | replace('`', '``') ~ '`') }}
{%- endmacro %}

{# A text of Jinja as a SQL literal. Whatever the text holds, none of it is read as SQL. #}
{% macro text_literal(text) -%}
    {{ return(adapter.dispatch('text_literal')(text | string)) }}
{%- endmacro %}
{% macro default__text_literal(text) -%}
    {{ return("'" ~ text | replace("'", "''") ~ "'") }}
{%- endmacro %}
{% macro spark__text_literal(text) -%}
    {{ return("'" ~ text | replace("\\", "\\\\") | replace("'", "\\'") ~ "'") }}
{%- endmacro %}

{# A number in [0, 1) fixed by a text: the first 13 hexadecimal digits of its MD5 over 16^13, exact in a double. #}
{% macro hash_share(text) -%}
    {{ return(adapter.dispatch('hash_share')(text)) }}
{%- endmacro %}
{% macro default__hash_share(text) -%}
    cast(cast('0x' || substring(md5({{ text }}), 1, 13) as bigint) as double) / 4503599627370496
{%- endmacro %}
{% macro spark__hash_share(text) -%}
    cast(conv(substring(md5({{ text }}), 1, 13), 16, 10) as double) / 4503599627370496
{%- endmacro %}

{# The business day of a UTC timestamp. #}
{% macro business_date(utc_timestamp) -%}
    {{ return(adapter.dispatch('business_date')(utc_timestamp)) }}
{%- endmacro %}
{% macro default__business_date(utc_timestamp) -%}
    {%- if var('business_timezone') == 'UTC' -%}
    cast({{ utc_timestamp }} as date)
    {%- else -%}
    cast(timezone({{ text_literal(var("business_timezone")) }}, timezone('UTC', {{ utc_timestamp }})) as date)
    {%- endif -%}
{%- endmacro %}
{% macro spark__business_date(utc_timestamp) -%}
    cast(from_utc_timestamp({{ utc_timestamp }}, {{ text_literal(var("business_timezone")) }}) as date)
{%- endmacro %}

{# A wall-clock timestamp of a time zone, without one of the business's, as UTC. #}
{% macro local_to_utc(local_timestamp, zone=none) -%}
    {{ return(adapter.dispatch('local_to_utc')(local_timestamp, zone or var("business_timezone"))) }}
{%- endmacro %}
{% macro default__local_to_utc(local_timestamp, zone) -%}
    timezone('UTC', timezone({{ text_literal(zone) }}, {{ local_timestamp }}))
{%- endmacro %}
{% macro spark__local_to_utc(local_timestamp, zone) -%}
    to_utc_timestamp({{ local_timestamp }}, {{ text_literal(zone) }})
{%- endmacro %}

{# Text with or without an offset as a UTC timestamp, NULL where it is none; without one it is UTC. #}
{% macro text_to_utc(text) -%}
    {{ return(adapter.dispatch('text_to_utc')(text)) }}
{%- endmacro %}
{% macro default__text_to_utc(text) -%}
    timezone('UTC', try_cast(regexp_replace({{ text }}, ' ([+-][0-9]{2}:?([0-9]{2})?)$', '\1') as timestamptz))
{%- endmacro %}
{% macro spark__text_to_utc(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}

{# The same of a time zone (the business's) where the text names no offset. A plain cast would drop the offset. #}
{% macro to_utc(text, zone=none) -%}
    case when {{ matches_whole(text, '.*:.*(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)') }} then {{ text_to_utc(text) }}
        else {{ local_to_utc('try_cast(' ~ text ~ ' as timestamp)', zone) }} end
{%- endmacro %}

{# A moment with an offset (timestamptz) as a UTC timestamp. #}
{% macro moment_to_utc(moment) -%}
    {{ return(adapter.dispatch('moment_to_utc')(moment)) }}
{%- endmacro %}
{% macro default__moment_to_utc(moment) -%}
    timezone('UTC', {{ moment }})
{%- endmacro %}
{% macro spark__moment_to_utc(moment) -%}
    cast({{ moment }} as timestamp)
{%- endmacro %}

{# A JSON object of the named columns, as text; `columns` are names of the current scope. #}
{% macro json_record(columns) -%}
    {{ return(adapter.dispatch('json_record')(columns)) }}
{%- endmacro %}
{% macro default__json_record(columns) -%}
    {%- set arguments = [] -%}
    {%- for column in columns -%}{%- do arguments.append(text_literal(column) ~ ', ' ~ column) -%}{%- endfor -%}
    {{ as_text("json_object(" ~ arguments | join(', ') ~ ")") }}
{%- endmacro %}
{% macro spark__json_record(columns) -%}
    {#- to_json leaves out what is NULL, so each value is taken out of an object of its own; moments as their texts -#}
    '{' ||
    {%- for column in columns %}
    {%- set value = "to_json(named_struct('v', " ~ column ~ "))" %} '"{{ column }}":' || coalesce(
        case when typeof({{ column }}) like 'timestamp%' then '"' || cast({{ column }} as string) || '"'
            else nullif(substring({{ value }}, 6, greatest(length({{ value }}) - 6, 0)), '') end, 'null'
    ) ||{{ " ',' ||" if not loop.last }}
    {%- endfor %} '}'
{%- endmacro %}

{# One row a day from `first` to `last`, both included, in the column `date_day`. #}
{% macro days_from_to(first, last) -%}
    {{ return(adapter.dispatch('days_from_to')(first, last)) }}
{%- endmacro %}
{% macro default__days_from_to(first, last) -%}
    select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as date_day
{%- endmacro %}
{% macro spark__days_from_to(first, last) -%}
    select explode(sequence({{ first }}, {{ last }}, interval 1 day)) as date_day
{%- endmacro %}

{# The whole numbers from 0 to `last`, in the column `number`. #}
{% macro numbers_to(last) -%}
    {{ return(adapter.dispatch('numbers_to')(last)) }}
{%- endmacro %}
{% macro default__numbers_to(last) -%}
    select cast(unnest(generate_series(0, {{ last }})) as integer) as number
{%- endmacro %}
{% macro spark__numbers_to(last) -%}
    select explode(sequence(0, {{ last }})) as number
{%- endmacro %}

{# A SQL date for a variable that holds an ISO date or nothing. #}
{% macro date_or_null(value) -%}
    {% if value %}cast({{ text_literal(value) }} as date){% else %}cast(null as date){% endif %}
{%- endmacro %}

{# 1 for Monday to 7 for Sunday. #}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}
{% macro default__iso_weekday(day) -%}
    cast(extract(isodow from {{ day }}) as integer)
{%- endmacro %}
{% macro spark__iso_weekday(day) -%}
    ((dayofweek({{ day }}) + 5) % 7 + 1)
{%- endmacro %}

{# The median of a value over a window of ordered rows, which Spark has no function for. Sail has one. #}
{% macro moving_median(value, window) -%}
    {{ return(adapter.dispatch('moving_median')(value, window)) }}
{%- endmacro %}
{% macro default__moving_median(value, window) -%}
    median({{ value }}) over ({{ window }})
{%- endmacro %}
{% macro spark__moving_median(value, window) -%}
    transform(
            array(array_sort(collect_list({{ value }}) over ({{ window }}))),
            found -> (get(found, cast(floor((size(found) - 1) / 2) as int)) + get(found, cast(floor(size(found) / 2) as int))) / 2
        )[0]
{%- endmacro %}
{% macro sail__moving_median(value, window) -%}
    {{ return(default__moving_median(value, window)) }}
{%- endmacro %}

{#
  For a CTE with more than one reader: each computes what it needs anew. DuckDB would keep the whole of it in memory,
  which for every column of a large table costs more than reading it again.
#}
{% macro computed_anew() -%}
    {{ return(adapter.dispatch('computed_anew')()) }}
{%- endmacro %}
{% macro default__computed_anew() -%}
    {{ return('not materialized') }}
{%- endmacro %}
{% macro spark__computed_anew() -%}
    {{ return('') }}
{%- endmacro %}

{# Every column of a relation (its alias) but one. #}
{% macro all_columns_but(relation, column) -%}
    {{ return(adapter.dispatch('all_columns_but')(relation, column)) }}
{%- endmacro %}
{% macro default__all_columns_but(relation, column) -%}
    {{ relation }}.* exclude ({{ column }})
{%- endmacro %}
{% macro spark__all_columns_but(relation, column) -%}
    {{ relation }}.* except ({{ column }})
{%- endmacro %}

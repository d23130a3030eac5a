{#
  A tier that is held: rank, last day of validity, day that its grace ends, and the day that returns reverse it. A
  customer's held tiers are a list, the one in force apart from those under it, which come back when it is reversed.
#}
{% macro held_tier(rank, expires_on, check_on, reversed_on) -%}
    {{ return(adapter.dispatch('held_tier')(rank, expires_on, check_on, reversed_on)) }}
{%- endmacro %}
{% macro default__held_tier(rank, expires_on, check_on, reversed_on) -%}
    struct_pack(tier_rank := {{ rank }}, expires_on := {{ expires_on }}, check_on := {{ check_on }}, reversed_on := {{ reversed_on }})
{%- endmacro %}
{% macro spark__held_tier(rank, expires_on, check_on, reversed_on) -%}
    named_struct('tier_rank', try_cast({{ rank }} as int), 'expires_on', try_cast({{ expires_on }} as date), 'check_on', try_cast({{ check_on }} as date), 'reversed_on', try_cast({{ reversed_on }} as date))
{%- endmacro %}

{# A tier that goes on for `validity_months` after the one that ended, and can no longer be reversed. #}
{% macro renewed_tier(held, rank) -%}
    {%- set expires_on = 'last_day(' ~ add_months(held ~ '.expires_on', 'validity_months') ~ ')' -%}
    {{ held_tier(rank, expires_on, add_days(expires_on, 'grace_days'), 'cast(null as date)') }}
{%- endmacro %}

{% macro list_of(element) -%}
    {{ return(adapter.dispatch('list_of')(element)) }}
{%- endmacro %}
{% macro default__list_of(element) -%}
    [{{ element }}]
{%- endmacro %}
{% macro spark__list_of(element) -%}
    array({{ element }})
{%- endmacro %}

{# The held tiers that no return has reversed by `day`. #}
{% macro unreversed_tiers(tiers, day) -%}
    {{ return(adapter.dispatch('unreversed_tiers')(tiers, day)) }}
{%- endmacro %}
{% macro default__unreversed_tiers(tiers, day) -%}
    list_filter({{ tiers }}, lambda tier: tier.reversed_on is null or tier.reversed_on > {{ day }})
{%- endmacro %}
{% macro spark__unreversed_tiers(tiers, day) -%}
    filter({{ tiers }}, tier -> tier.reversed_on is null or tier.reversed_on > {{ day }})
{%- endmacro %}

{% macro last_of_list(list) -%}
    {{ return(adapter.dispatch('last_of_list')(list)) }}
{%- endmacro %}
{% macro default__last_of_list(list) -%}
    {{ list }}[-1]
{%- endmacro %}
{% macro spark__last_of_list(list) -%}
    try_element_at({{ list }}, -1)
{%- endmacro %}

{% macro appended_to_list(list, element) -%}
    {{ return(adapter.dispatch('appended_to_list')(list, element)) }}
{%- endmacro %}
{% macro default__appended_to_list(list, element) -%}
    list_append({{ list }}, {{ element }})
{%- endmacro %}
{% macro spark__appended_to_list(list, element) -%}
    array_append({{ list }}, {{ element }})
{%- endmacro %}

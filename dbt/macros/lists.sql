{#
  Lists of points, for each customer: of lots, of what was spent out of lots, of what is owed. Their elements are alike:
  lot_number and expires_on of the lot, use_id and order_id of what the points were used for, and points; what an element
  has none of is NULL.
#}
{% macro points_of_lot(lot_number, expires_on, use_id, order_id, points) -%}
    {{ return(adapter.dispatch('points_of_lot')(lot_number, expires_on, use_id, order_id, points)) }}
{%- endmacro %}
{% macro default__points_of_lot(lot_number, expires_on, use_id, order_id, points) -%}
    struct_pack(lot_number := cast({{ lot_number }} as bigint), expires_on := cast({{ expires_on }} as date), use_id := cast({{ use_id }} as varchar), order_id := cast({{ order_id }} as varchar), points := cast({{ points }} as bigint))
{%- endmacro %}
{% macro spark__points_of_lot(lot_number, expires_on, use_id, order_id, points) -%}
    named_struct('lot_number', try_cast({{ lot_number }} as bigint), 'expires_on', try_cast({{ expires_on }} as date), 'use_id', try_cast({{ use_id }} as string), 'order_id', try_cast({{ order_id }} as string), 'points', try_cast({{ points }} as bigint))
{%- endmacro %}

{# An empty list of points. #}
{% macro no_points() -%}
    {{ return(adapter.dispatch('no_points')()) }}
{%- endmacro %}
{% macro default__no_points() -%}
    list_filter([{{ points_of_lot('null', 'null', 'null', 'null', 0) }}], lambda one: one.points > 0)
{%- endmacro %}
{% macro spark__no_points() -%}
    cast(array() as array<struct<lot_number: bigint, expires_on: date, use_id: string, order_id: string, points: bigint>>)
{%- endmacro %}

{# A list of one element. Sail tells lists that may hold NULL from those that may not, and has to be told that this one may. #}
{% macro one_of_points(element) -%}
    {{ return(adapter.dispatch('one_of_points')(element)) }}
{%- endmacro %}
{% macro default__one_of_points(element) -%}
    [{{ element }}]
{%- endmacro %}
{% macro spark__one_of_points(element) -%}
    slice(array({{ element }}, null), 1, 1)
{%- endmacro %}

{# The elements of a list for which `condition`, on the element `one`, holds. #}
{% macro chosen_points(points, condition) -%}
    {{ return(adapter.dispatch('chosen_points')(points, condition)) }}
{%- endmacro %}
{% macro default__chosen_points(points, condition) -%}
    list_filter({{ points }}, lambda one: {{ condition }})
{%- endmacro %}
{% macro spark__chosen_points(points, condition) -%}
    filter({{ points }}, one -> {{ condition }})
{%- endmacro %}

{# The points of a list together; 0 of an empty one. #}
{% macro all_points(points) -%}
    {{ return(adapter.dispatch('all_points')(points)) }}
{%- endmacro %}
{% macro default__all_points(points) -%}
    coalesce(cast(list_sum(list_transform({{ points }}, lambda summand: summand.points)) as bigint), 0)
{%- endmacro %}
{% macro spark__all_points(points) -%}
    aggregate({{ points }}, cast(0 as bigint), (so_far, summand) -> so_far + summand.points)
{%- endmacro %}

{#
  What each element of `wanted` gets out of which element of `held`, both in order: of two queues laid side by side, the
  lengths that lie beside each other. A share names the lot of what was held, and its use or else the one it was wanted for.
#}
{% macro shares_of_points(wanted, held) -%}
    {{ return(adapter.dispatch('shares_of_points')(wanted, held)) }}
{%- endmacro %}
{% macro default__shares_of_points(wanted, held) -%}
    list_filter(flatten(list_transform({{ wanted }}, lambda want, place: list_transform({{ held }}, lambda have, beside:
        {{ points_of_lot(
            'have.lot_number', 'have.expires_on', 'coalesce(have.use_id, want.use_id)', 'coalesce(have.order_id, want.order_id)',
            'least(' ~ all_points(wanted ~ '[1:place]') ~ ', ' ~ all_points(held ~ '[1:beside]') ~ ') - greatest('
            ~ all_points(wanted ~ '[1:place]') ~ ' - want.points, ' ~ all_points(held ~ '[1:beside]') ~ ' - have.points)'
        ) }}))), lambda one: one.points > 0)
{%- endmacro %}
{% macro spark__shares_of_points(wanted, held) -%}
    filter(flatten(transform({{ wanted }}, (want, place) -> transform({{ held }}, (have, beside) ->
        case when have.points > 0 then {{ points_of_lot(
            'have.lot_number', 'have.expires_on', 'coalesce(have.use_id, want.use_id)', 'coalesce(have.order_id, want.order_id)',
            'least(' ~ all_points('slice(' ~ wanted ~ ', 1, place + 1)') ~ ', ' ~ all_points('slice(' ~ held ~ ', 1, beside + 1)')
            ~ ') - greatest(' ~ all_points('slice(' ~ wanted ~ ', 1, place + 1)') ~ ' - want.points, '
            ~ all_points('slice(' ~ held ~ ', 1, beside + 1)') ~ ' - have.points)'
        ) }} end))), one -> one.points > 0)
{%- endmacro %}

{# A list with the points that `changes` have of the same `key` added to each element, or taken from it where `sign` is -. #}
{% macro changed_points(points, changes, key, sign) -%}
    {{ return(adapter.dispatch('changed_points')(points, changes, key, sign)) }}
{%- endmacro %}
{% macro default__changed_points(points, changes, key, sign) -%}
    list_transform({{ points }}, lambda kept: {{ points_of_lot(
        'kept.lot_number', 'kept.expires_on', 'kept.use_id', 'kept.order_id',
        'kept.points ' ~ sign ~ ' ' ~ all_points('list_filter(' ~ changes ~ ', lambda change: ' ~ same_points(key) ~ ')')
    ) }})
{%- endmacro %}
{% macro spark__changed_points(points, changes, key, sign) -%}
    transform({{ points }}, kept -> case when kept.points is not null then {{ points_of_lot(
        'kept.lot_number', 'kept.expires_on', 'kept.use_id', 'kept.order_id',
        'kept.points ' ~ sign ~ ' ' ~ all_points('filter(' ~ changes ~ ', change -> ' ~ same_points(key) ~ ')')
    ) }} end)
{%- endmacro %}

{# Whether the elements `kept` and `change` are the same by the columns of `key`. #}
{% macro same_points(key) -%}
    {%- for column in key -%}
    change.{{ column }} is not distinct from kept.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Lists one behind the other. #}
{% macro joined_points(lists) -%}
    {{ return(adapter.dispatch('joined_points')(lists)) }}
{%- endmacro %}
{% macro default__joined_points(lists) -%}
    flatten([{{ lists | join(', ') }}])
{%- endmacro %}
{% macro spark__joined_points(lists) -%}
    flatten(array({{ lists | join(', ') }}))
{%- endmacro %}

{# A list in the order of its lots. #}
{% macro points_by_lot(points) -%}
    {{ return(adapter.dispatch('points_by_lot')(points)) }}
{%- endmacro %}
{% macro default__points_by_lot(points) -%}
    list_sort({{ points }})
{%- endmacro %}
{% macro spark__points_by_lot(points) -%}
    array_sort({{ points }})
{%- endmacro %}

{# A list from its end. #}
{% macro reversed_points(points) -%}
    {{ return(adapter.dispatch('reversed_points')(points)) }}
{%- endmacro %}
{% macro default__reversed_points(points) -%}
    list_reverse({{ points }})
{%- endmacro %}
{% macro spark__reversed_points(points) -%}
    reverse({{ points }})
{%- endmacro %}

{# The elements of a group as a list, in the order of expressions that are never NULL. #}
{% macro list_of_points(element, order) -%}
    {{ return(adapter.dispatch('list_of_points')(element, order)) }}
{%- endmacro %}
{% macro default__list_of_points(element, order) -%}
    list({{ element }} order by {{ order }})
{%- endmacro %}
{% macro spark__list_of_points(element, order) -%}
    transform(array_sort(array_agg(struct({{ order }}, {{ element }} as element))), one -> one.element)
{%- endmacro %}

{# The parts of a text between separators, as a list. `separator` is one letter that no pattern gives a meaning. #}
{% macro text_parts(text, separator) -%}
    {{ return(adapter.dispatch('text_parts')(text, separator)) }}
{%- endmacro %}
{% macro default__text_parts(text, separator) -%}
    string_split({{ text }}, {{ text_literal(separator) }})
{%- endmacro %}
{% macro spark__text_parts(text, separator) -%}
    split({{ text }}, {{ text_literal(separator) }})
{%- endmacro %}

{# A row for each element of a list. #}
{% macro unnested(list) -%}
    {{ return(adapter.dispatch('unnested')(list)) }}
{%- endmacro %}
{% macro default__unnested(list) -%}
    unnest({{ list }})
{%- endmacro %}
{% macro spark__unnested(list) -%}
    explode({{ list }})
{%- endmacro %}

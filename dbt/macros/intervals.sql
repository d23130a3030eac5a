{#
  An end of Wilson's 95% interval of a rate, the lower one where `sign` is -: with z = 1.96, (2 successes + z^2) and
  z * sqrt(z^2 + 4 successes * failures / trials) over 2 * (trials + z^2), rounded to what addition leaves certain.
#}
{% macro wilson_end(successes, trials, sign) -%}
    round(
        (2 * {{ successes }} + 3.841458820694124 {{ sign }} 1.959963984540054 * sqrt(
            3.841458820694124 + 4 * {{ rate(successes ~ ' * (' ~ trials ~ ' - ' ~ successes ~ ')', trials) }}
        )) / (2 * ({{ trials }} + 3.841458820694124)),
        12
    )
{%- endmacro %}

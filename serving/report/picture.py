"""Charts as pictures that need no script: what a reader sees before the charts are drawn, without them, and on paper.

The pictures are drawn here with the engine that the browser runs, from the same specification, so both show the same.
"""

import json
import re
from functools import lru_cache

import vl_convert

# A page of A4 has about this many points beside its margins, so that text is printed as large as it is drawn.
WIDTH = 690
# The axes are inside the width, as they are in the page.
FITTING = {"type": "fit-x", "contains": "padding"}
# What the page says of all pictures together, or what says nothing.
LEFT_OUT = re.compile(
    r' (?:xmlns:xlink|xmlns|version|class|role|aria-[a-z]+|font-family|pointer-events|stroke-miterlimit)="[^"]*"'
    r'|(?: transform="translate\(0,0\)"| opacity="1"| fill="transparent")'
)
NOTHING = re.compile(r'<path (?:d="" display="none"|d="M0,0h0v0h0Z")/>|<g></g>|<g/>')
PLACES = re.compile(r'(?<= )(?:d|transform|x|x2|y|y2|width|height)="[^"]*"')
LONG = re.compile(r"(\.\d)\d+")


@lru_cache(maxsize=128)
def picture(text: str) -> str:
    """The chart of a Vega-Lite specification (JSON, themed) as an SVG element of `WIDTH`, without texts for readers.

    Lengths are rounded to a tenth of a point. Bars have no round ends: each would be cut out of a path of its own.
    """
    spec = json.loads(text)
    spec["config"]["bar"] = {}
    drawn = vl_convert.vegalite_to_svg({**spec, "width": WIDTH, "autosize": FITTING})
    drawn = LEFT_OUT.sub("", PLACES.sub(lambda place: LONG.sub(r"\1", place[0]), drawn))
    while (shorter := NOTHING.sub("", drawn)) != drawn:
        drawn = shorter
    return drawn

"""Time zones and currencies, found by offsets from UTC, countries, and names of other systems."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

# By currency: the zone of most of those who sell in it, and the countries that pay in it.
CURRENCIES: dict[str, tuple[str, str]] = {
    "AED": ("Asia/Dubai", "AE"), "ARS": ("America/Argentina/Buenos_Aires", "AR"), "AUD": ("Australia/Sydney", "AU"),
    "BGN": ("Europe/Sofia", "BG"), "BRL": ("America/Sao_Paulo", "BR"), "CAD": ("America/Toronto", "CA"),
    "CHF": ("Europe/Zurich", "CH LI"), "CLP": ("America/Santiago", "CL"), "CNY": ("Asia/Shanghai", "CN"),
    "COP": ("America/Bogota", "CO"), "CZK": ("Europe/Prague", "CZ"), "DKK": ("Europe/Copenhagen", "DK"),
    "EUR": ("Europe/Berlin", "AT BE CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"),
    "GBP": ("Europe/London", "GB UK"), "HKD": ("Asia/Hong_Kong", "HK"), "HUF": ("Europe/Budapest", "HU"),
    "IDR": ("Asia/Jakarta", "ID"), "ILS": ("Asia/Jerusalem", "IL"), "INR": ("Asia/Kolkata", "IN"),
    "JPY": ("Asia/Tokyo", "JP"), "KRW": ("Asia/Seoul", "KR"), "MXN": ("America/Mexico_City", "MX"),
    "MYR": ("Asia/Kuala_Lumpur", "MY"), "NOK": ("Europe/Oslo", "NO"), "NZD": ("Pacific/Auckland", "NZ"),
    "PHP": ("Asia/Manila", "PH"), "PLN": ("Europe/Warsaw", "PL"), "RON": ("Europe/Bucharest", "RO"),
    "SEK": ("Europe/Stockholm", "SE"), "SGD": ("Asia/Singapore", "SG"), "THB": ("Asia/Bangkok", "TH"),
    "TRY": ("Europe/Istanbul", "TR"), "TWD": ("Asia/Taipei", "TW"), "USD": ("America/New_York", "US"),
    "VND": ("Asia/Ho_Chi_Minh", "VN"), "ZAR": ("Africa/Johannesburg", "ZA"),
}  # fmt: skip
# Zones by how many sell in them, so that of several that fit the likeliest is named.
LIKELY = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix",
    "Europe/London", "Europe/Berlin", "Europe/Helsinki", "America/Toronto", "America/Halifax", "America/Sao_Paulo",
    "Europe/Istanbul", "Asia/Dubai", "Asia/Kolkata", "Asia/Bangkok", "Asia/Shanghai", "Asia/Tokyo",
    "Australia/Sydney", "Australia/Adelaide", "Australia/Brisbane", "Australia/Perth", "Pacific/Auckland",
    "Pacific/Honolulu", "America/Anchorage", "UTC",
)  # fmt: skip
# Ruby on Rails calls zones by names of its own, and Square writes those.
RAILS = {
    "Eastern Time (US & Canada)": "America/New_York", "Central Time (US & Canada)": "America/Chicago",
    "Mountain Time (US & Canada)": "America/Denver", "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Arizona": "America/Phoenix", "Alaska": "America/Anchorage", "Hawaii": "Pacific/Honolulu",
    "Atlantic Time (Canada)": "America/Halifax", "Newfoundland": "America/St_Johns", "Saskatchewan": "America/Regina",
    "London": "Europe/London", "Dublin": "Europe/Dublin", "Edinburgh": "Europe/London", "Paris": "Europe/Paris",
    "Madrid": "Europe/Madrid", "Berlin": "Europe/Berlin", "Amsterdam": "Europe/Amsterdam", "Tokyo": "Asia/Tokyo",
    "Osaka": "Asia/Tokyo", "Sydney": "Australia/Sydney", "Melbourne": "Australia/Melbourne",
    "Brisbane": "Australia/Brisbane", "Adelaide": "Australia/Adelaide", "Perth": "Australia/Perth",
    "Hobart": "Australia/Hobart", "Darwin": "Australia/Darwin", "UTC": "UTC",
}  # fmt: skip


def currency_of(country: str) -> str | None:
    """The currency of a country by its two letters."""
    return next((name for name, (_, countries) in CURRENCIES.items() if country in countries.split()), None)


def zone_of_currency(currency: str) -> str:
    """The time zone of most sellers in a currency; UTC for an unknown currency."""
    return CURRENCIES.get(currency, ("UTC", ""))[0]


def zone_of_rails(name: str) -> str | None:
    """The IANA zone for Rails' name of a zone, or for an IANA name itself."""
    return RAILS.get(name) or (name if "/" in name else None)


def zone_of_offsets(moments: Sequence[tuple[str, int]]) -> tuple[str | None, list[str]]:
    """The likeliest zone in which each local moment has its offset (minutes), and the offsets as they are written.

    Moments in another form than ISO 8601 tell nothing.
    """
    offsets = sorted({minutes for _, minutes in moments})
    told = [f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}" for minutes in offsets]
    by_day = {text[:10]: (text, minutes) for text, minutes in moments}
    parsed = [(moment, minutes) for text, minutes in by_day.values() if (moment := _moment(text))]
    for name in LIKELY if parsed else ():
        zone = ZoneInfo(name)
        misses = sum(_offset(moment, zone) != minutes for moment, minutes in parsed)
        if misses <= len(parsed) // 100:  # the hours of a change may be either
            return name, told
    return None, told


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _offset(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.replace(tzinfo=zone).utcoffset()
    return int(offset.total_seconds() // 60) if offset is not None else 0

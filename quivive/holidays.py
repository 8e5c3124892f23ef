"""Public holidays of a country, or of one of its regions: `FR`, `FR-GP`, `DE-BY`. From the library of that name."""

from datetime import date
from functools import lru_cache


@lru_cache(maxsize=512)
def holidays_in(place: str, year: int) -> frozenset[date]:
    """The year's days off; none for the empty place. KeyError or NotImplementedError for one that is not known."""
    import holidays

    if not place:
        return frozenset()
    country, _, subdivision = place.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))

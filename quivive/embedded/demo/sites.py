"""Who has a site in the demo, and what is going to happen to it."""

from dataclasses import dataclass

from quivive.embedded.demo.troubles import Schedule, Trouble


@dataclass(frozen=True, slots=True)
class DemoSite:
    """One site of the farm; `schedule` is None for those that never fail."""

    id: str
    customer: str
    title: str
    https: bool = False
    schedule: Schedule | None = None

    @property
    def host(self) -> str:
        return f"{self.id}.localhost"


CUSTOMERS = {
    # id: name, plan, locale, time zone
    "martin": ("Boulangerie Martin", "premium", "fr", "Europe/Paris"),
    "saint-avel": ("Mairie de Saint-Avel", "premium", "fr", "Europe/Paris"),
    "harbour": ("Harbour Cycles", "premium", "en", "Europe/London"),
}

SITES = (
    DemoSite("boulangerie-martin", "martin", "Boulangerie Martin", schedule=Schedule(Trouble.UNAVAILABLE, 15, 35)),
    DemoSite("martin-boutique", "martin", "Boulangerie Martin, la boutique", https=True),
    DemoSite("mairie", "saint-avel", "Mairie de Saint-Avel", schedule=Schedule(Trouble.HANGING, 110, 140)),
    DemoSite("mediatheque", "saint-avel", "Médiathèque de Saint-Avel", https=True),
    DemoSite("harbour-www", "harbour", "Harbour Cycles"),
    DemoSite("harbour-shop", "harbour", "Harbour Cycles shop", True, Schedule(Trouble.EXPIRED, 60, 90)),
    DemoSite("harbour-blog", "harbour", "Harbour Cycles blog", schedule=Schedule(Trouble.DATABASE, 160, 185)),
    DemoSite("harbour-booking", "harbour", "Harbour Cycles booking", schedule=Schedule(Trouble.REFUSED, 40, 60)),
)

REGIONS = ("eu-west", "us-east", "ap-south")
INTERVAL_S = 6
"""Two seconds from one region's look to the next one's."""
TIMEOUT_S = 3

"""The governance record of a dataset: who answers for it, under which conditions it is given.

It is the data protection officer's form as data (GDPR art. 5, 6, 25, 30 and 35; CRPA L300-2,
L312-1-1, L323-2): a few generic articles read it, there is never one article per dataset.
"""

from datetime import date
from typing import Literal

import msgspec

Classification = Literal["ouvert", "interne", "restreint", "personnel"]
DAY_S = 86_400


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """What the data may serve: its legal basis, the finest step it needs, the services it is for."""

    name: str
    legal_basis: str = ""
    min_step: int = 0
    """Seconds between two values at the finest; 0 = as measured."""
    audiences: frozenset[str] = frozenset()
    """Services (directions) that may declare this purpose; empty = the owner alone."""
    k: int = 0
    """At least so many subjects in every figure given; 0 = single series may be given."""
    consent: bool = False
    """Only for subjects who consented to this very purpose."""


HIGH_VALUE = {
    "geospatial": "http://data.europa.eu/bna/c_ac64a52d",
    "earth": "http://data.europa.eu/bna/c_dd313021",
    "weather": "http://data.europa.eu/bna/c_164e0bf5",
    "statistics": "http://data.europa.eu/bna/c_e1da4e07",
    "companies": "http://data.europa.eu/bna/c_a9135398",
    "mobility": "http://data.europa.eu/bna/c_b79e35eb",
}
"""Categories of high-value data (Implementing Regulation (EU) 2023/138, annex, 1 to 6) in the EU's vocabulary."""


THEMES = frozenset(
    [
        "AGRI",
        "ECON",
        "EDUC",
        "ENER",
        "ENVI",
        "GOVE",
        "HEAL",
        "INTR",
        "JUST",
        "REGI",
        "SOCI",
        "TECH",
        "TRAN",
    ]
)
"""What data may be about: the EU's authority table *data-theme*."""
FREQUENCIES = frozenset(
    [
        "CONT",
        "UPDATE_CONT",
        "HOURLY",
        "BIHOURLY",
        "TRIHOURLY",
        "DAILY",
        "DAILY_2",
        "WEEKLY",
        "WEEKLY_2",
        "WEEKLY_3",
        "BIWEEKLY",
        "MONTHLY",
        "MONTHLY_2",
        "MONTHLY_3",
        "BIMONTHLY",
        "QUARTERLY",
        "ANNUAL",
        "ANNUAL_2",
        "ANNUAL_3",
        "BIENNIAL",
        "TRIENNIAL",
        "IRREG",
        "NEVER",
        "UNKNOWN",
        "OTHER",
    ]
)
"""How often data grow: the EU's authority table *frequency*."""


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """How long values of a step (seconds, 0 = raw frames) are kept, and what then happens."""

    step: int
    days: int
    then: Literal["aggregate", "anonymise", "delete"] = "delete"


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """How it is given outside: not at all, as it is, or only as figures over at least ``k`` subjects."""

    rule: Literal["none", "open", "aggregate"] = "none"
    k: int = 0
    dominance: float = 0.85
    """No subject makes more than this share of a figure."""
    by: Literal["commune", "type"] = "commune"
    delay: int = 0
    """Seconds before a value is given."""


class Dpia(msgspec.Struct, frozen=True, kw_only=True):
    """The data protection impact assessment (GDPR art. 35)."""

    status: Literal["required", "done", "not_required"] = "not_required"
    reference: str = ""
    """The document when done, the reason when not required."""
    review: date | None = None


class DatasetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset's record. ``id`` is the name that entities, devices and series carry."""

    id: str
    title: str
    title_en: str = ""
    description: str = ""
    description_en: str = ""
    theme: str = ""
    """What it is about, one of :data:`THEMES`, for the public catalogue; '' = not said."""
    keywords: tuple[str, ...] = ()
    frequency: str = ""
    """How often it grows, one of :data:`FREQUENCIES`; '' = not said."""
    owner: str = ""
    """The trade service (direction) that answers for it."""
    steward: str = ""
    """The person to ask, and their deputy."""
    deputy: str = ""
    controller: str = ""
    processors: tuple[str, ...] = ()
    classification: Classification = "restreint"
    subjects: tuple[str, ...] = ()
    """Kinds of persons whom it concerns; not empty for personal data."""
    categories: tuple[str, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    retention: tuple[Keep, ...] = ()
    pseudonymised: str = ""
    """How the subject's identity is kept apart, when it is."""
    publication: Publication = Publication()
    licence: str = ""
    """'LO-2.0', 'ODbL-1.0', 'CC-BY-4.0', or '' with an exception."""
    exception: Literal["", "privacy", "business_secret", "security", "third_party"] = ""
    """Why it is not open (CRPA L311-5 and L311-6)."""
    review: date | None = None
    """When the record, or its exception, is looked at again."""
    hvd: str = ""
    """High-value category (see :data:`HIGH_VALUE`), '' = none."""
    territory: frozenset[str] = frozenset()
    dpia: Dpia = Dpia()
    recipients: frozenset[str] = frozenset()
    """Other services that may read it when it is restricted."""
    min_step: int = 0
    """The finest step (seconds) given to anybody."""
    masked: frozenset[str] = frozenset()
    """Attributes given to the owner's service alone."""
    group: str = ""
    """A saved group of devices that the dataset follows, with the things that they measure; '' = none."""
    version: int = 1
    simulated: bool = False

    def purpose(self, name: str) -> Purpose | None:
        """The purpose of a name."""
        return next((each for each in self.purposes if each.name == name), None)

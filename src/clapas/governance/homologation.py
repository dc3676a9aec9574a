"""The security file that an authority signs before it opens the service (RGS, décret 2010-112, art. 5).

Written from the installation itself: what runs, which doors are open, who may enter, which keys live, what
the trail says, which packages are installed. What the platform cannot know is left to be filled in, and
says so. The bill of materials is CycloneDX 1.5.
"""

import platform
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib.metadata import distributions
from typing import Any
from uuid import uuid4

import msgspec

import clapas
from clapas.charter import Charter
from clapas.charter.audit import verify
from clapas.domain.errors import NotFound
from clapas.governance.clauses import CLAUSES
from clapas.governance.residual import ARCHITECTURE, CRYPTOGRAPHY, FLOWS, LOGS, RISKS
from clapas.store import Store
from clapas.store.identity import AccountRow, KeyRow

SOON = timedelta(days=30)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the installation says of itself."""

    version: str
    system: str
    made: datetime
    territory: str
    settings: dict[str, Any]
    """Those that matter for security, without any secret."""
    roles: dict[str, int]
    enabled: int
    second_factor: int
    keys: int
    keys_ending: int
    keys_unused: int
    datasets: dict[str, int]
    charter: str
    audit_events: int
    audit_head: str
    audit_whole: bool


async def facts(
    store: Store,
    charter: Charter,
    *,
    accounts: Iterable[AccountRow],
    keys: Iterable[KeyRow],
    second_factor: int,
    settings: dict[str, Any],
) -> Facts:
    """Read the installation."""
    people, live, now = list(accounts), list(keys), datetime.now(UTC)
    verdict = await verify(store.audit)
    try:
        territory = (await store.territory.get()).name
    except NotFound:
        territory = ""
    return Facts(
        version=clapas.__version__,
        system=f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        made=now,
        territory=territory,
        settings=settings,
        roles=dict(sorted(Counter(role for each in people for role in each.roles).items())),
        enabled=sum(each.enabled for each in people),
        second_factor=second_factor,
        keys=len(live),
        keys_ending=sum(each.expires < now + SOON for each in live),
        keys_unused=sum(each.last_used is None for each in live),
        datasets=dict(Counter(each.classification for each in charter.records if each.id)),
        charter=charter.version,
        audit_events=verdict.events,
        audit_head=verdict.head,
        audit_whole=verdict.broken_at is None,
    )


def document(found: Facts) -> str:
    """The file, in French: Markdown that a person completes and signs."""
    return "\n".join(
        [
            f"# Dossier d’homologation de sécurité — {found.territory or '[territoire à nommer]'}",
            "",
            f"Clapas {found.version} · {found.system} · établi le {found.made:%Y-%m-%d %H:%M} UTC.",
            "",
            "Ce dossier décrit l’installation telle qu’elle est. Les passages entre crochets sont à remplir par",
            "l’autorité d’homologation : la plateforme ne peut pas les connaître.",
            "",
            "## 1. Décision",
            "",
            "Autorité d’homologation : [nom, qualité]. Périmètre : [services, communes]. Durée : [3 ans au plus].",
            "Réserves : [liste]. Date et signature : [ ].",
            "",
            "## 2. Architecture",
            "",
            *(f"- {each}" for each in ARCHITECTURE),
            "",
            "Réglages qui comptent pour la sécurité :",
            "",
            *_lines(found.settings),
            "",
            "## 3. Flux",
            "",
            *_table(("porte", "sens", "protocole", "authentification", "droit"), FLOWS),
            "",
            "## 4. Comptes et clés",
            "",
            f"Comptes actifs : {found.enabled}, dont {found.second_factor} avec un second facteur.",
            f"Rôles : {_counted(found.roles)}.",
            (
                f"{found.keys} clés de service ; {found.keys_ending} finissent dans les trente jours ; "
                f"{found.keys_unused} n’ont jamais servi."
            ),
            "",
            "## 5. Cryptographie",
            "",
            *_table(("usage", "mécanisme", "référence"), CRYPTOGRAPHY),
            "",
            "## 6. Journaux",
            "",
            *(f"- {each}" for each in LOGS),
            (
                f"- Journal d’audit : {found.audit_events} événements, chaîne "
                f"{'entière' if found.audit_whole else 'ROMPUE'}, tête `{found.audit_head}`."
            ),
            "",
            "## 7. Données",
            "",
            f"Jeux de données par classification : {_counted(found.datasets)}.",
            f"Charte en vigueur : `{found.charter}`.",
            "",
            "## 8. Nomenclature logicielle",
            "",
            "Fichier `sbom.cdx.json` (CycloneDX 1.5), fait des paquets réellement installés.",
            "",
            "## 9. Risques résiduels",
            "",
            *_table(("risque", "mesures en place", "ce qui reste"), RISKS),
            "",
            "Appréciation par l’autorité : [accepté / réduit / refusé, pour chacun].",
            "",
            "## 10. Clauses de marché",
            "",
            "Fichier `clauses.md`.",
            "",
        ]
    )


def clauses() -> str:
    """Model procurement clauses, to be adapted by a lawyer."""
    parts = ["# Clauses types", "", "Modèles à adapter par le service des marchés.", ""]
    for title, text in CLAUSES:
        parts += [f"## {title}", "", text, ""]
    return "\n".join(parts)


def bill_of_materials() -> dict[str, Any]:
    """The installed Python packages as CycloneDX 1.5."""
    found = sorted(
        {(each.metadata["Name"] or "", each.version) for each in distributions()},
        key=lambda each: (each[0].lower(), each[1]),
    )
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(UTC).isoformat(),
            "component": {
                "type": "application",
                "name": "clapas",
                "version": clapas.__version__,
                "purl": f"pkg:pypi/clapas@{clapas.__version__}",
            },
        },
        "components": [
            {
                "type": "library",
                "name": name,
                "version": version,
                "bom-ref": f"pkg:pypi/{name.lower()}@{version}",
                "purl": f"pkg:pypi/{name.lower()}@{version}",
            }
            for name, version in found
            if name
        ],
    }


def _lines(settings: dict[str, Any]) -> list[str]:
    return [f"- `{name}` : {value}" for name, value in settings.items()]


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = list(heads)
    return [
        f"| {' | '.join(names)} |",
        f"|{'---|' * len(names)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} : {count}" for name, count in counts.items()) or "aucun"

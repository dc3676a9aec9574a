"""The handover file: one page in French, made from the real configuration, for whoever comes next.

It holds no secret: where keys are, never what they are.
"""

import platform
import re
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

import clapas
from clapas.ops.keeping.schedule import BackupHealth, key_path, read_health

CREDENTIALS = re.compile(r"//[^/@]*@")
EMBEDDED = "embedded"
SECRETS = {
    "pepper": "preuve des mots de passe à usage unique, clés de service et jetons d’appareils ; perdu, tous sont à refaire",
    "nats_issuer.nk": "signe les droits des appareils sur le courtier MQTT ; refait au démarrage s’il manque",
    "backup.key": "ouvre les sauvegardes ; perdue, aucune sauvegarde ne peut être lue",
}
ENGINES = {
    "postgres": ("PostgreSQL", "registre des appareils, état présent, comptes, alarmes, droits"),
    "clickhouse": ("ClickHouse", "historique, messages bruts, registre des messages"),
    "nats": ("NATS JetStream", "journaux durables des messages, porte MQTT"),
}
WHEN = (
    (
        "La page ne répond plus",
        "`{clapas} status --data {data}`, puis `{clapas} doctor --data {data}` ; journaux dans `{data}/logs/`. Redémarrer : {restart}.",
    ),
    (
        "Un moteur est en rouge à l’accueil",
        "Il est relancé tout seul. S’il retombe, lire `{data}/logs/<moteur>.log` : disque plein, port pris ou fichiers abîmés y sont dits en une phrase. Fichiers abîmés : restaurer.",
    ),
    (
        "Le disque est plein",
        "Libérer de la place : les portes refusent (rien n’est perdu chez l’émetteur) et reprennent seules. Réduire `store.raw_days` ou `store.observation_days`.",
    ),
    (
        "Le registre n’est pas juste",
        "Ne rien effacer. `{clapas} status --data {data} --json`, sauvegarder, et écrire aux auteurs avec ce texte.",
    ),
    (
        "Des messages sont rejetés",
        "Page *Sources et santé › Rejets* : la raison et qui doit agir. Une fois la cause corrigée, les rejouer depuis cette page.",
    ),
    (
        "Un capteur est silencieux",
        "Page *Appareils*, puis celle du capteur : dernières trames, radio, batterie. Un autre capteur de la même passerelle se tait-il aussi ?",
    ),
    (
        "Des publications MQTT sont refusées",
        "L’appareil publie hors de ses sujets : corriger son sujet, ou sa clé. Ces messages ne sont pas au registre.",
    ),
    (
        "Plus personne ne connaît le mot de passe administrateur",
        "Un autre administrateur en donne un nouveau, page *Utilisateurs*. S’il n’en reste aucun : `{clapas} account link --data {data}` imprime un lien à usage unique (`--operator` rend aussi le rôle).",
    ),
    (
        "La machine est perdue",
        "Restaurer sur une autre : voir « Restaurer, pas à pas ». Les capteurs renvoient d’eux-mêmes ; changer leur adresse si celle de la machine change.",
    ),
    (
        "Une mise à jour",
        "Sauvegarder, vérifier (`restore --verify`), installer la version, redémarrer. Les bases sont migrées au démarrage. Retour en arrière : restaurer avec l’ancienne version.",
    ),
)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when the page is made."""

    machine: str
    system: str
    program: Path
    now: datetime

    @classmethod
    def here(cls) -> "Surroundings":
        """This machine, now."""
        return cls(
            machine=socket.gethostname(),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            program=Path(sys.executable).with_name("clapas"),
            now=datetime.now(UTC),
        )


def handover_page(data: Path, settings: Any, *, around: Surroundings | None = None) -> str:
    """The page, in Markdown. ``settings`` are those of every room."""
    place = around or Surroundings.here()
    parts = (
        _head(data, place),
        _what(data, settings),
        _sources(settings),
        _files(data, settings),
        _backups(data, settings, place=place),
        _restoring(data, settings, place=place),
        _sensor(settings, place),
        _when(data, place),
        _settings(data, settings),
    )
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _head(data: Path, place: Surroundings) -> Iterator[str]:
    yield "# Passation de la plateforme Clapas"
    yield ""
    yield f"Fait le {place.now:%Y-%m-%d à %H:%M} UTC sur la machine `{place.machine}` ({place.system})."
    yield f"Version {clapas.__version__}, programme `{place.program}`, répertoire de données `{data}`."
    yield ""
    yield "Cette page ne contient aucun secret. À refaire après chaque changement : "
    yield f"`{place.program} handover --data {data} > passation.md`. À garder imprimée, hors de la machine."
    yield ""


def _what(data: Path, settings: Any) -> Iterator[str]:
    yield "## Ce qui dépend de quoi"
    yield ""
    yield "Les capteurs écrivent aux *portes* (HTTP, MQTT, LoRaWAN) ; chaque message entre dans un journal durable"
    yield "(NATS) avant d’être accepté ; le processus *pipeline* le décode et l’écrit dans ClickHouse (historique) et"
    yield "PostgreSQL (registre, état présent) ; le processus *web* sert la page et l’API. Un seul processus parent"
    yield "lance et relance tout."
    yield ""
    yield "| moteur | garde | où | sans lui |"
    yield "|---|---|---|---|"
    without = {
        "postgres": "les messages attendent dans le journal ; page et connexions refusées",
        "clickhouse": "les messages attendent dans le journal ; plus d’historique",
        "nats": "les portes refusent : les émetteurs gardent et renvoient",
    }
    for name, (title, holds) in ENGINES.items():
        given = str(getattr(settings.engines, name))
        where = f"embarqué, `{data}/{name}`" if given == EMBEDDED else f"`{_plain(given)}`"
        yield f"| {title} | {holds} | {where} | {without[name]} |"
    yield ""
    engines = settings.engines
    port = engines.mqtt_port or "1883, ou celui noté dans `nats/ports.json`"
    yield f"Porte MQTT : {engines.mqtt_host}, port {port}. "
    if settings.web.certificate:
        yield f"HTTPS par la plateforme : certificat `{settings.web.certificate}`, clé `{settings.web.key}` ; à renouveler avant sa fin, puis redémarrer."
    elif settings.web.proxies or settings.web.https:
        yield f"HTTPS par un serveur mandataire inverse ; adresses crues : {', '.join(settings.web.proxies) or 'aucune'}."
    else:
        yield "Pas de HTTPS réglé : la page n’est atteinte que de la machine elle-même ou par un tunnel SSH."
    yield ""


def _sources(settings: Any) -> Iterator[str]:
    yield "## Ce qui vient de l’extérieur"
    yield ""
    for name, table in settings.sources.remote.items():
        address = _plain(str(table.get("url") or table.get("host") or table.get("folder") or ""))
        yield f"- `{name}` : connecteur {table.get('connector', '?')}, {address}"
    if not settings.sources.remote:
        yield "- Aucune source n’est interrogée : rien ne sort de la machine."
    if settings.sources.proxy:
        yield f"- Tout ce qui sort passe par `{_plain(settings.sources.proxy)}`."
    if settings.sources.ca_file:
        yield f"- Autorité de certification interne : `{settings.sources.ca_file}`."
    yield ""


def _files(data: Path, settings: Any) -> Iterator[str]:
    yield "## Où sont les fichiers et les clés"
    yield ""
    yield "| fichier | ce que c’est |"
    yield "|---|---|"
    here = "" if (data / "clapas.toml").exists() else " (absent : tout est au réglage d’origine)"
    yield f"| `{data}/clapas.toml` | les réglages{here} |"
    yield f"| `{data}/postgres`, `clickhouse`, `nats` | les fichiers des moteurs ; ne jamais y toucher |"
    if not (data / "postgres").exists() and settings.engines.postgres == EMBEDDED:
        yield "| `/var/lib/clapas/postgres-…` | PostgreSQL, quand la plateforme tourne en root |"
    yield f"| `{data}/logs` | ce que disent les moteurs et nos processus |"
    folder = data / "secrets"
    names = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    for name in sorted(names | SECRETS.keys()):
        absent = "" if name in names else " (pas encore fait)"
        yield f"| `{folder / name}` | {SECRETS.get(name, 'secret d’une partie de la plateforme')}{absent} |"
    yield ""


def _backups(data: Path, settings: Any, *, place: Surroundings) -> Iterator[str]:
    yield "## Sauvegardes"
    yield ""
    ops, health = settings.ops, read_health(data)
    if ops.backup_folder:
        yield f"Chaque jour à {ops.backup_hour} h (heure du territoire) dans `{ops.backup_folder}` ; {ops.backup_keep} sont gardées."
        yield _last(health)
    else:
        yield "**Aucune sauvegarde quotidienne n’est réglée** : remplir `[ops] backup_folder` dans `clapas.toml`."
    key = key_path(ops, data)
    yield f"Clé : `{key}`. **Une copie de cette clé doit être ailleurs que sur cette machine** ; lieu de la copie : ______________________"
    yield ""
    yield "À la main, sans rien arrêter :"
    yield ""
    yield f"    {place.program} backup --data {data} --to /un/autre/disque/clapas.backup"
    yield ""
    yield "Exercice, au moins une fois par trimestre (restaure à part, recopie, compare, efface) :"
    yield ""
    yield f"    {place.program} restore /un/autre/disque/clapas.backup --verify --key-file {key}"
    yield ""


def _last(health: BackupHealth | None) -> str:
    if health is None or health.last_ok is None:
        return "Aucune n’a encore été faite."
    failed = f" La dernière tentative a échoué : {health.error}." if health.error else ""
    return f"Dernière réussie : {health.last_ok:%Y-%m-%d %H:%M} UTC, `{health.file}`, {health.size} octets.{failed}"


def _restoring(data: Path, settings: Any, *, place: Surroundings) -> Iterator[str]:
    yield "## Restaurer, pas à pas"
    yield ""
    yield "1. Une machine Debian ou Ubuntu, Python 3.11 à 3.13, la même version de Clapas (mettre à jour ensuite) :"
    yield f"   `pip install clapas=={clapas.__version__}`, ou le dépôt et `./clapas setup`."
    yield "2. Le fichier de sauvegarde et le fichier de clé (ou la phrase secrète)."
    yield f"3. `clapas restore clapas.backup --data {data} --key-file backup.key` ; le répertoire doit être vide ou absent."
    if any(getattr(settings.engines, name) != EMBEDDED for name in ENGINES):
        yield "   Les moteurs externes des réglages doivent être vides ; sinon ajouter `--embedded`."
    yield "4. La commande finit par « the ledger adds up » : chaque message d’avant la copie a son sort."
    yield f"5. `clapas up --data {data}` : mêmes comptes, mêmes mots de passe, mêmes jetons d’appareils."
    yield "6. Remettre la copie de la clé à sa place : "
    yield f"   `install -m 600 backup.key {key_path(settings.ops, data)}`, puis sauvegarder de nouveau."
    yield ""
    yield f"En service au démarrage de la machine : `{place.program} service --data {data}` imprime l’unité systemd et comment l’installer."
    yield ""


def _sensor(settings: Any, place: Surroundings) -> Iterator[str]:
    mqtt = settings.engines
    yield "## Ajouter un capteur"
    yield ""
    yield "Par la page *Première source* : choisir sa commune, d’où viennent les messages (ChirpStack, The Things"
    yield "Stack, appareil MQTT, HTTP, fichier CSV), attendre la première trame, accepter le modèle et les grandeurs"
    yield "proposés, placer sur la carte. Cinq minutes."
    yield ""
    yield "Par un programme, avec une clé de service (page *Mon compte*) :"
    yield ""
    yield "    curl -H 'Authorization: Bearer CLÉ' -H 'Content-Type: application/json' \\"
    yield '      -d \'{"device": "capteur-1", "values": {"temperature": 21.5}}\' ADRESSE/api/v1/uplinks'
    yield ""
    yield f"Par MQTT : serveur {mqtt.mqtt_host}, nom d’utilisateur = identifiant de l’appareil, mot de passe = son jeton,"
    yield 'sujet `up/<identifiant>`, corps `{"values": {"temperature": 21.5}}`. Un capteur inconnu attend à la page'
    yield "*Gérer le parc › Quarantaine* ; une fois accepté, rejouer ses messages, gardés à la page *Sources et santé › Rejets*."
    yield f"Essayer un décodeur : `{place.program} codec run FICHIER.js --port 2 0102`."
    yield ""


def _when(data: Path, place: Surroundings) -> Iterator[str]:
    yield "## Que faire quand"
    yield ""
    restart = "`systemctl restart clapas` si elle tourne en service, sinon Ctrl-C puis `clapas up`"
    for what, act in WHEN:
        yield f"- **{what}.** {act.format(clapas=place.program, data=data, restart=restart)}"
    yield ""


def _settings(data: Path, settings: Any) -> Iterator[str]:
    yield "## Réglages qui diffèrent de l’origine"
    yield ""
    found = list(_changed(settings))
    yield from found or ["- aucun"]
    yield ""
    yield f"Tous les réglages et leur sens : `clapas config`. Vérifier un changement : `clapas config --check --data {data}`."


def _changed(settings: Any) -> Iterator[str]:
    for room in settings.__struct_fields__:
        table = getattr(settings, room)
        plain = type(table)()
        for key in table.__struct_fields__:
            value = getattr(table, key)
            if value != getattr(plain, key):
                yield f"- `{room.replace('usecases_', 'usecases.')}.{key}` = {_shown(key, value)}"


def _shown(key: str, value: Any) -> str:
    if re.search(r"password|secret|seed|token|private|gateways|remote", key):
        return "réglé (valeur cachée)" if key != "remote" else "voir plus haut"
    return f"`{_plain(str(msgspec.to_builtins(value)))}`"


def _plain(address: str) -> str:
    """An address without its credentials nor its query."""
    return CREDENTIALS.sub("//…@", address).partition("?")[0]

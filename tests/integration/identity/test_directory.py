"""Signing in at a real LDAP directory (OpenLDAP), with groups."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from tests.integration.identity.conftest import with_settings

from clapas.domain.errors import BadSetting, EngineUnavailable
from clapas.engines.ports import free_port
from clapas.identity import Settings, SignInFailed
from clapas.identity.directory import LdapDirectory
from clapas.identity.settings import Directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

BASE = "dc=ville,dc=example"
PEOPLE = f"""
dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Ville
dc: ville

dn: uid=aroux,{BASE}
objectClass: inetOrgPerson
uid: aroux
cn: Ana Roux
sn: Roux
mail: ana.roux@ville.example
userPassword: mot-de-passe-annuaire

dn: cn=dpo,{BASE}
objectClass: groupOfNames
cn: dpo
member: uid=aroux,{BASE}

dn: uid=lecteur,{BASE}
objectClass: inetOrgPerson
uid: lecteur
cn: Usurpateur
sn: X
userPassword: mot-de-passe-annuaire
"""
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
moduleload back_mdb
modulepath /usr/lib/ldap
pidfile {folder}/slapd.pid
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw secret
directory {folder}/data
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """OpenLDAP with two people and a group."""
    folder: Path = tmp_path_factory.mktemp("slapd")
    (folder / "data").mkdir()
    (folder / "slapd.conf").write_text(CONFIG.format(folder=folder, base=BASE))
    (folder / "people.ldif").write_text(PEOPLE)
    program = shutil.which("slapd", path=f"{os.environ['PATH']}:/usr/sbin") or "slapd"
    tools = ["-f", str(folder / "slapd.conf")]
    subprocess.run(
        [program, "-T", "add", *tools, "-l", str(folder / "people.ldif")],
        check=True,
        capture_output=True,
    )
    port = free_port()
    process = subprocess.Popen(
        [program, *tools, "-h", f"ldap://127.0.0.1:{port}", "-d", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1)
    try:
        yield Directory(
            url=f"ldap://127.0.0.1:{port}",
            bind_dn=f"cn=admin,{BASE}",
            bind_password="secret",
            base=BASE,
            group_base=BASE,
            create=True,
            roles={"dpo": "dpo"},
        )
    finally:
        process.terminate()
        process.wait()


async def test_somebody_of_the_directory_enters_with_the_role_of_their_group(
    services: Services, stranger: Visitor, directory: Directory
) -> None:
    with_settings(services, Settings(directory=directory))
    wrong = await stranger.sign_in("aroux", "un-autre-mot-de-passe")
    assert wrong.json()["code"] == "sign_in_failed"
    answer = await stranger.sign_in("aroux", "mot-de-passe-annuaire")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["name"], answer.json()["roles"]) == ("Ana Roux", ["dpo"])
    again = await stranger.sign_in("aroux", "mot-de-passe-annuaire")
    assert again.json()["id"] == answer.json()["id"]


async def test_the_directory_never_opens_a_local_account(
    services: Services, stranger: Visitor, directory: Directory
) -> None:
    with_settings(services, Settings(directory=directory))
    answer = await stranger.sign_in("lecteur", "mot-de-passe-annuaire")
    assert answer.status_code == 401
    assert (await stranger.sign_in("lecteur")).status_code == 200, "the local password still does"


async def test_empty_passwords_and_filters_typed_as_logins_open_nothing(
    directory: Directory,
) -> None:
    door = LdapDirectory(directory)
    for login, password in (
        ("aroux", ""),
        ("*", "mot-de-passe-annuaire"),
        ("aroux)(uid=*", "mot-de-passe-annuaire"),
        ("a" * 300, "x"),
    ):
        with pytest.raises(SignInFailed):
            await door.sign_in(login, password)


async def test_a_directory_that_does_not_answer_is_said(directory: Directory) -> None:
    absent = Directory(url=f"ldap://127.0.0.1:{free_port()}", base=BASE)
    with pytest.raises(EngineUnavailable):
        await LdapDirectory(absent).sign_in("aroux", "x")
    with pytest.raises(BadSetting):
        LdapDirectory(Directory(url="http://annuaire"))

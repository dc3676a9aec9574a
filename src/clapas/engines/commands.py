"""Commands about the machine that the engines run on: ``clapas doctor`` and ``clapas service``."""

import os
import pwd
import sys
from pathlib import Path
from typing import Annotated

import typer

DATA = Annotated[Path, typer.Option("--data", envvar="CLAPAS_DATA", help="The data directory.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""

    @app.command("doctor")
    def doctor(data: DATA = Path("clapas-data")) -> None:
        """Check that this machine can run the platform, and say what to do about what is missing."""
        from clapas.engines.doctor import examine

        findings = examine(data)
        for finding in findings:
            print(f"{'ok ' if finding.ok else 'BAD'}  {finding.what}: {finding.detail}")
        if not all(finding.ok for finding in findings):
            raise typer.Exit(1)

    @app.command("service")
    def service(
        data: DATA = Path("clapas-data"),
        user: Annotated[str, typer.Option("--user", help="Account the service runs as.")] = "",
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "",
        port: Annotated[int, typer.Option(help="Port of the page; 0 = that of 'up'.")] = 0,
        also: Annotated[
            list[Path] | None,
            typer.Option("--writes", help="A folder that it may write besides, such as backups'."),
        ] = None,
    ) -> None:
        """Print a systemd unit that keeps the platform running on this machine."""
        from clapas.engines.systemd import unit

        account = user or pwd.getpwuid(os.geteuid()).pw_name
        program = Path(sys.executable).with_name("clapas")
        text = unit(
            program=program,
            data=data.absolute(),
            user=account,
            host=host,
            port=port,
            also=[each.absolute() for each in also or ()],
        )
        print(text, end="")

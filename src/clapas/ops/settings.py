"""Settings of operation: the table ``[ops]``."""

from typing import Annotated

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the platform is kept: its daily backup."""

    backup_folder: str = ""
    """Folder of the daily backups, on another disk or machine; empty: none is made."""
    backup_hour: Annotated[int, msgspec.Meta(ge=0, le=23)] = 2
    """Hour of the day (territory.timezone) when the daily backup begins."""
    backup_keep: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 14
    """So many daily backups are kept; older ones of the same folder are deleted."""
    backup_key_file: str = ""
    """Key file that seals backups; empty: secrets/backup.key of the data directory, made at its first use."""

"""What can go wrong when a platform is copied or restored.

OperatorError
├── BackupUnreadable   the file is damaged, cut short, or not a backup of Clapas
├── WrongKey           the key or passphrase is not the one that sealed it
├── KeyMissing         no key and no passphrase were given
├── TargetNotEmpty     a restore needs an empty data directory
└── BackupDiffers      what was restored is not what was copied
"""

from clapas.domain.errors import OperatorError


class BackupUnreadable(OperatorError):
    """This file is damaged, cut short, or not a backup of Clapas."""

    code = "backup_unreadable"


class WrongKey(OperatorError):
    """The key or passphrase is not the one that sealed this backup."""

    code = "wrong_backup_key"


class KeyMissing(OperatorError):
    """The key of this backup is missing: give its key file or its passphrase."""

    code = "backup_key_missing"


class TargetNotEmpty(OperatorError):
    """A restore needs an empty data directory."""

    code = "target_not_empty"
    status = 409


class BackupDiffers(OperatorError):
    """What was restored is not what was copied."""

    code = "backup_differs"

"""What can go wrong with a fleet.

OwnerError
├── SheetUnreadable  the file is not a spreadsheet that can be read: which limit, which part
├── ImportBad        the file holds bad lines and none may be left out
├── NotTwo           a command needs a second person
└── CodecVectors     a codec breaks the vectors that were saved
"""

from clapas.domain.errors import ClapasError, Conflict, InvalidInput


class SheetUnreadable(InvalidInput):
    """This file cannot be read as a spreadsheet."""

    code = "sheet_unreadable"


class ImportBad(InvalidInput):
    """Some lines are wrong: nothing was imported."""

    code = "import_bad"
    status = 422


class NotTwo(Conflict):
    """A second person must decide on this command."""

    code = "four_eyes"


class CodecVectors(Conflict):
    """The codec breaks saved vectors."""

    code = "codec_vectors"


def reason_of(error: ClapasError) -> str:
    """Why a device was left out, as jobs and commands keep it: the code of a reason that the pages have
    words for (``fleet.reason.…``), else the sentence."""
    return str(error.values.get("reason") or error)

"""What can go wrong with a fleet.

OwnerError
├── SheetUnreadable  the file is not a spreadsheet that can be read: which limit, which part
├── ImportBad        the file holds bad lines and none may be left out
├── NotTwo           a command needs a second person
└── CodecVectors     a codec breaks the vectors that were saved
"""

from clapas.domain.errors import Conflict, InvalidInput


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

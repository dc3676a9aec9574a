"""What can go wrong in the water trade.

InvalidInput
├── BadTable     a file of readings, flows or levels that cannot be read
└── BadTelegram  a telegram of a meter that cannot be read
"""

from clapas.domain.errors import InvalidInput


class BadTable(InvalidInput):
    """The table cannot be read."""

    code = "water_bad_table"


class BadTelegram(InvalidInput):
    """The telegram cannot be read."""

    code = "water_bad_telegram"

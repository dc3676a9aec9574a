"""What can go wrong in the water trade.

InvalidInput
└── BadTable     a file of readings, flows, levels, assets or works that cannot be read
"""

from clapas.domain.errors import InvalidInput


class BadTable(InvalidInput):
    """The table cannot be read."""

    code = "water_bad_table"

"""What an SQL text asks for, read by its tokens only; ClickHouse itself parses it afterwards.

Reading tokens is enough for three questions: which verb, where the data of an insert begin, and whether a
reader asks for something that reaches files, the network or other programs.
"""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<text>'(?:[^'\\]|\\.|'')*')"
    r'|(?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")'
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>[0-9][0-9A-Za-z_.]*)"
    r"|(?P<sign>.)",
    re.DOTALL,
)
READ_VERBS = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "("})
SESSION_VERBS = frozenset({"SET", "USE"})
SAFE_TABLE_FUNCTIONS = frozenset(
    {
        "numbers",
        "numbers_mt",
        "generateseries",
        "generate_series",
        "values",
        "view",
        "null",
    }
)
FORBIDDEN_FUNCTIONS = frozenset(
    {"file", "filesystemavailable", "filesystemcapacity", "filesystemunreserved"}
)
DATA_VERBS = frozenset({"VALUES", "SELECT", "WITH", "FROM", "FORMAT", "WATCH"})
UNUSUAL = frozenset("#$“”‘’\x00;")
"""Signs outside strings by which ClickHouse could read a text otherwise than the tokens here."""
Kind = Literal["word", "quoted", "text", "number", "sign"]


class Refused(Exception):
    """A reader may not say this; the sentence says what."""


class Token(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One token that means something: its kind, its text, where it ends."""

    kind: str
    text: str
    end: int


def tokens(sql: str) -> Iterator[Token]:
    """All tokens but spaces and comments."""
    for match in TOKEN.finditer(sql):
        kind = match.lastgroup or "sign"
        if kind not in {"space", "comment"}:
            yield Token(kind, match.group(), match.end())


def verb(sql: str) -> str:
    """The first word, in capitals; '(' for a bracketed select; '' for nothing."""
    first = next(tokens(sql), None)
    return first.text.upper() if first else ""


class Insert(msgspec.Struct, frozen=True):
    """``INSERT INTO … SETTINGS … FORMAT name``: its three parts, and where data begin."""

    statement: str
    settings: str
    format: str
    data_from: int

    def from_file(self, path: str) -> str:
        """The same insert, whose data are read from a file; ``path`` is ours and holds no quote."""
        return f"{self.statement}\nFROM INFILE '{path}' COMPRESSION 'none' {self.settings}\nFORMAT {self.format}"


def insert_with_data(sql: str) -> Insert | None:
    """The insert whose data follow the statement; None for every other statement (INSERT … SELECT, VALUES too)."""
    found = tokens(sql)
    first = next(found, None)
    if first is None or first.text.upper() != "INSERT":
        return None
    depth, settings = 0, None
    for token in found:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        word = token.text.upper() if depth == 0 and token.kind == "word" else ""
        start = token.end - len(token.text)
        if word == "SETTINGS" and settings is None:
            settings = start
        if word in DATA_VERBS:
            name = next(found, None) if word == "FORMAT" else None
            if name is None or name.kind != "word":
                return None
            cut = start if settings is None else settings
            parts = sql[:cut].rstrip(), sql[cut:start].rstrip()
            return Insert(*parts, name.text, _data_from(sql, name.end))
    return None


def without_format(sql: str) -> tuple[str, str | None]:
    """The statement without the ``FORMAT name`` that ends it, and that name; unchanged when none ends it."""
    last = list(tokens(sql))
    while last and last[-1].text == ";":
        last.pop()
    if len(last) < 3:
        return sql, None
    word, name = last[-2], last[-1]
    if word.kind == name.kind == "word" and word.text.upper() == "FORMAT":
        return sql[: word.end - len(word.text)].rstrip(), name.text
    return sql, None


def guard_reader(sql: str, table_functions: frozenset[str]) -> None:
    """Raise Refused for anything but one bounded reading statement on the tables and pure functions.

    ``table_functions`` are the names that this ClickHouse knows, in small letters. This stands before the
    engine's own ``readonly = 1``, which lets ``INTO OUTFILE``, ``file()``, ``s3()`` and ``KILL`` pass in chDB.
    """
    found = list(tokens(sql))
    while found and found[-1].text == ";":
        found.pop()
    if not found or found[0].text.upper() not in READ_VERBS:
        raise Refused("readers may only SELECT, SHOW, DESCRIBE, EXPLAIN and EXISTS")
    if "/*" in "".join(part[2:] for part in re.findall(r"/\*.*?\*/", sql, re.DOTALL)):
        raise Refused("readers may not nest comments")
    for index, token in enumerate(found):
        if token.kind == "sign" and token.text in UNUSUAL:
            raise Refused(f"readers may not use {token.text!r} outside a string")
        if token.kind == "word" and token.text.upper() in {"OUTFILE", "INFILE"}:
            raise Refused("readers may not reach files")
        followed = index + 1 < len(found) and found[index + 1].text == "("
        if followed and token.kind in {"word", "quoted"}:
            _guard_function(token.text, table_functions)


def _guard_function(text: str, table_functions: frozenset[str]) -> None:
    name = text.strip('`"').lower()
    if "\\" in name:
        raise Refused("readers may not escape names")
    if name in FORBIDDEN_FUNCTIONS or (
        name in table_functions and name not in SAFE_TABLE_FUNCTIONS
    ):
        raise Refused(f"readers may not call {name}()")


def _data_from(sql: str, end: int) -> int:
    spaces = re.compile(r"[ \t\f]*(?:\r?\n)?").match(sql, end)
    return spaces.end() if spaces else end

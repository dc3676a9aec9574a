"""How lists search: without case and without accents, anywhere in the words."""

import unicodedata


def searchable(*words: str) -> str:
    """The one form in which names are kept for searching and in which a search is asked."""
    plain = unicodedata.normalize("NFKD", " ".join(words)).casefold()
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def pattern(q: str) -> str:
    """The LIKE pattern of a search; the sender's own % and _ mean themselves."""
    plain = searchable(q.strip()[:100])
    for special in ("\\", "%", "_"):
        plain = plain.replace(special, "\\" + special)
    return f"%{plain}%"

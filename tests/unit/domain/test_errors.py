"""An error says who must act, has a code of its own, and is drawn in the tree."""

import clapas.domain.errors as room
from clapas.domain.errors import ClapasError


def family(of: type[ClapasError]) -> list[type[ClapasError]]:
    return [of, *(each for child in of.__subclasses__() for each in family(child))]


def own() -> list[type[ClapasError]]:
    return [each for each in family(ClapasError) if each.__module__ == room.__name__]


def test_each_has_a_code_of_its_own() -> None:
    codes = [each.code for each in own()]
    assert len(codes) == len(set(codes))


def test_each_is_drawn_in_the_tree() -> None:
    drawing = room.__doc__ or ""
    assert all(each.__name__ in drawing for each in own())


def test_the_message_is_the_docstring_unless_something_better_is_known() -> None:
    assert str(room.NotFound()) == "This does not exist, or may not be seen."
    assert str(room.NotFound("no such device")) == "no such device"

"""Sentences with figures in them, kept so that a page can say them in another language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Sentence(str):
    """An English sentence that remembers its template and what was put into it.

    A library or a service says what is wrong in English and knows no language. To everybody it is
    the text itself: programs, logs and tests read it so. A page translates the template and puts
    the values in again. `str` of it, and of an error that carries it, is the sentence itself.

    Parameters
    ----------
    template : str
        The words, with ``%(name)s`` for each value; a plain text when there are none. It must
        stand in the call as it is: from there it comes into the catalogue.
    **values : object
        Values as they are to be read. A sentence among them is translated, too.

    Examples
    --------
    >>> needed = Sentence("%(field)s needs %(n)s characters or more", field="login", n=3)
    >>> needed
    'login needs 3 characters or more'
    >>> needed.told({"%(field)s needs %(n)s characters or more": "%(n)s+ : %(field)s"}.get)
    '3+ : login'
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """Put the values into the template."""
        made = super().__new__(cls, template % values if values else template)
        made.template = template
        made.values = values
        return made

    def __str__(self) -> Self:
        """Return the sentence itself, so that an error's text keeps what it was made of."""
        return self

    def told(self, translate: Callable[[str], str]) -> str:
        """Return the sentence in the language of `translate`."""
        words = translate(self.template)
        if not self.values:
            return words
        return words % {
            name: value.told(translate) if isinstance(value, Sentence) else value
            for name, value in self.values.items()
        }


def together(parts: Iterable[str], between: str = " ") -> Sentence:
    """Return several sentences as one.

    Examples
    --------
    >>> together([Sentence("Too long."), Sentence("Give %(n)s.", n=2)])
    'Too long. Give 2.'
    """
    given = {f"part{at}": part for at, part in enumerate(parts)}
    return Sentence(between.join(f"%({name})s" for name in given), **given)

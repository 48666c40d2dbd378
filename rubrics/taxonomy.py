"""Harm categories under ids of our own, and how they relate to other people's lists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal, cast

from rubrics.errors import RubricInvalid, UnknownElement
from rubrics.reader import Context, Fields, Places, did_you_mean
from rubrics.yaml_nodes import Place, Problems, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rubrics.yaml_nodes import Node

Relation = Literal["exact", "broader", "narrower", "related"]

FORMAT: Final = "touchstone-taxonomy/1"
RELATIONS: Final = ("exact", "broader", "narrower", "related")
_FILE: Final = "touchstone-core.taxonomy.yaml"


@dataclass(frozen=True, slots=True)
class Link:
    """What a code of another list is to one of our categories.

    ``broader`` says that the other list's code covers more than our category, ``narrower`` that
    it covers a part of it, ``related`` that the two overlap.
    """

    category: str
    list: str
    code: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class CoreCategory:
    """One of our harm categories."""

    id: str
    name: str
    definition: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class ForeignList:
    """Another list of harms: its codes alone."""

    id: str
    version: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Our categories and the lists they map to."""

    id: str
    version: str
    title: str
    lists: tuple[ForeignList, ...]
    categories: tuple[CoreCategory, ...]

    def category(self, category_id: str) -> CoreCategory:
        """Return the category of that id."""
        for category in self.categories:
            if category.id == category_id:
                return category
        message = f"taxonomy {self.id!r} has no category {category_id!r}"
        raise UnknownElement(message)

    def to_list(self, category_id: str, list_id: str) -> tuple[Link, ...]:
        """Return what a category of ours is called in another list."""
        links = self.category(category_id).links
        return tuple(link for link in links if link.list == list_id)

    def from_list(self, list_id: str, code: str) -> tuple[Link, ...]:
        """Return our categories that a code of another list has to do with."""
        links = (link for category in self.categories for link in category.links)
        return tuple(link for link in links if (link.list, link.code) == (list_id, code))

    def unmapped(self, list_id: str) -> tuple[str, ...]:
        """Return the codes of another list that none of our categories maps to."""
        known = next((one.codes for one in self.lists if one.id == list_id), ())
        return tuple(code for code in known if not self.from_list(list_id, code))


def _list(node: Node, path: str, context: Context) -> ForeignList:
    fields = Fields(node, path, ("id", "version", "codes"), context)
    return ForeignList(
        fields.identifier("id"), fields.needed_text("version"), fields.texts("codes")
    )


def _link(
    node: Node, path: str, context: Context, category: str, lists: Mapping[str, ForeignList]
) -> Link:
    fields = Fields(node, path, ("list", "code", "relation"), context)
    name, code = fields.identifier("list"), fields.needed_text("code")
    if name and name not in lists:
        hint = did_you_mean(name, lists)
        context.problems.add("dangling_reference", f"there is no list {name!r}", fields.place, hint)
    elif name and code not in lists[name].codes:
        hint = did_you_mean(code, lists[name].codes)
        message = f"list {name!r} has no code {code!r}"
        context.problems.add("dangling_reference", message, fields.place, hint)
    relation = fields.choice("relation", RELATIONS, "related")
    return Link(category, name, code, cast("Relation", relation))


def _category(
    node: Node, path: str, context: Context, lists: Mapping[str, ForeignList]
) -> CoreCategory:
    fields = Fields(node, path, ("id", "name", "definition", "maps_to"), context)
    name = fields.identifier("id")
    return CoreCategory(
        id=name,
        name=fields.needed_text("name"),
        definition=fields.needed_text("definition"),
        links=tuple(
            _link(one, place, context, name, lists) for one, place in fields.items("maps_to")
        ),
    )


def _unique(categories: tuple[CoreCategory, ...], context: Context) -> None:
    seen: set[str] = set()
    for at, category in enumerate(categories):
        if category.id and category.id in seen:
            place = context.places.at(f"categories[{at}].id")
            message = f"category id {category.id!r} is used twice"
            context.problems.add("duplicate_id", message, place)
        seen.add(category.id)


def load_taxonomy(text: str | bytes, source: str = "taxonomy.yaml") -> Taxonomy:
    """Read a taxonomy file.

    Raises
    ------
    RubricInvalid
        With every problem of the file.
    """
    problems = Problems(source)
    root = parse(text, problems)
    if root is None:
        problems.stop("empty", "the file is empty", Place(1, 1))
    context = Context(problems, Places())
    keys = ("schema", "id", "version", "title", "lists", "categories")
    fields = Fields(root, "", keys, context)
    fields.choice("schema", (FORMAT,), FORMAT)
    lists = tuple(_list(one, path, context) for one, path in fields.items("lists"))
    by_id = {one.id: one for one in lists}
    categories = tuple(
        _category(one, path, context, by_id)
        for one, path in fields.items("categories", required=True)
    )
    _unique(categories, context)
    taxonomy = Taxonomy(
        id=fields.identifier("id"),
        version=fields.needed_text("version"),
        title=fields.needed_text("title"),
        lists=lists,
        categories=categories,
    )
    if problems.found:
        raise RubricInvalid(problems.found)
    return taxonomy


@cache
def core() -> Taxonomy:
    """Return the taxonomy that comes with Touchstone."""
    file = resources.files("rubrics") / "library" / _FILE
    return load_taxonomy(file.read_text(encoding="utf-8"), _FILE)

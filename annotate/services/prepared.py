"""Statements of the hot paths, compiled once for each database and handed to the driver itself.

SQLAlchemy writes the SQL and knows how every type is stored; what it does around each execution
costs more processor time than SQLite needs for the work. A prepared statement runs on the
session's own connection and so inside its transaction.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

Row = Any
"""A named tuple; its fields stand in the statement."""
_DRIVER = "prepared.driver"
_named: Any = namedtuple  # noqa: PYI024 - its fields are known at run time only


class Prepared:
    """A statement for both databases.

    Parameters
    ----------
    statement
        A select, insert, update or delete. Its parameters are named ``bindparam``.
    columns
        For an insert: the columns that are given with every row.
    """

    known: list[Prepared] = []  # noqa: RUF012 - all of the program, for the test of scopes

    def __init__(self, statement: Any, columns: Sequence[str] = ()) -> None:  # noqa: ANN401 - any kind of statement
        self.statement = statement
        self.columns = tuple(columns)
        self._forms: dict[str, _Form] = {}
        self.known.append(self)

    def first(self, session: Session, values: Mapping[str, Any]) -> Row | None:
        """Return the first row, or None; the statement says itself that it wants one."""
        rows = self.all(session, values)
        return rows[0] if rows else None

    def all(self, session: Session, values: Mapping[str, Any]) -> list[Row]:
        """Return all rows."""
        driver, dialect = _opened(session)
        return self.form_for(dialect).rows(driver, values)

    def run(self, session: Session, values: Mapping[str, Any]) -> None:
        """Change rows."""
        driver, dialect = _opened(session)
        self.form_for(dialect).run(driver, values)

    def run_each(self, session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
        """Change rows, once for each set of values."""
        driver, dialect = _opened(session)
        self.form_for(dialect).run_each(driver, rows)

    def form_for(self, dialect: sa.Dialect) -> _Form:
        """Return the statement in the words of a database."""
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(self.statement, self.columns, dialect)
        return form


def _opened(session: Session) -> tuple[Any, sa.Dialect]:
    """Return the driver's connection under the session's open transaction, and its dialect."""
    held = session.info.get(_DRIVER)
    if held is None or not session.in_transaction() or held[0].closed:
        connection = session.connection()
        held = (connection, connection.connection.driver_connection, connection.dialect)
        session.info[_DRIVER] = held
    return held[1], held[2]


class _Form:
    """A statement compiled for one database, with what its types need."""

    def __init__(self, statement: Any, columns: Sequence[str], dialect: sa.Dialect) -> None:  # noqa: ANN401
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        self.sql: str = str(compiled)
        self._dialect = dialect
        self.failures: type[Exception] = dialect.loaded_dbapi.Error
        given = set(columns)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._constants = {
            name: bind.effective_value
            for name, bind in binds.items()
            if not bind.required and name not in given
        }
        order = compiled.positiontup if compiled.positional else list(binds)
        self._places = [(name, _binder(binds[name].type, dialect)) for name in order]
        self._positional = compiled.positional
        exported = getattr(statement, "exported_columns", ())
        names = [getattr(column, "name", "value") for column in exported]
        self._make = _named("Row", names)._make
        readers = [_reader(column.type, dialect) for column in exported]
        self._readers = [(at, read) for at, read in enumerate(readers) if read is not None]
        if {column.name for column in compiled.insert_prefetch or ()} - given:
            raise TypeError(f"columns with a default in Python must be given: {self.sql}")

    def rows(self, driver: Any, values: Mapping[str, Any]) -> list[Row]:  # noqa: ANN401
        """Execute it once and return what it finds."""
        try:
            found = driver.execute(self.sql, self.bind(values)).fetchall()
        except self.failures as error:
            raise self._wrapped(error) from error
        return [self._row(row) for row in found]

    def run(self, driver: Any, values: Mapping[str, Any]) -> None:  # noqa: ANN401
        """Execute it once."""
        try:
            driver.execute(self.sql, self.bind(values))
        except self.failures as error:
            raise self._wrapped(error) from error

    def run_each(self, driver: Any, rows: Iterable[Mapping[str, Any]]) -> None:  # noqa: ANN401
        """Execute it for each set of values."""
        try:
            driver.cursor().executemany(self.sql, [self.bind(values) for values in rows])
        except self.failures as error:
            raise self._wrapped(error) from error

    def bind(self, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what the driver takes
        """Return the parameters as the driver wants them."""
        if self._constants:
            values = {**self._constants, **values}
        if self._positional:
            return [
                values[name] if convert is None else convert(values[name])
                for name, convert in self._places
            ]
        return {
            name: values[name] if convert is None else convert(values[name])
            for name, convert in self._places
        }

    def _row(self, raw: Sequence[Any]) -> Row:
        """Return a row with its values as the program knows them."""
        if self._readers:
            values = list(raw)
            for at, read in self._readers:
                values[at] = read(values[at])
            return self._make(values)
        return self._make(raw)

    def _wrapped(self, error: Exception) -> BaseException:
        """Return the driver's error as SQLAlchemy would raise it, without any content."""
        return sa.exc.DBAPIError.instance(
            self.sql, None, error, self.failures, dialect=self._dialect
        )


def _binder(kind: Any, dialect: sa.Dialect) -> Any:  # noqa: ANN401 - a column type, a converter
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _reader(kind: Any, dialect: sa.Dialect) -> Any:  # noqa: ANN401 - a column type, a converter
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def insert_for(*, embedded: bool) -> Any:  # noqa: ANN401 - either dialect's insert
    """Return the insert of the database at hand, which knows ON CONFLICT."""
    return sqlite.insert if embedded else postgresql.insert

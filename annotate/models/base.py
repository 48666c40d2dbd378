"""The declarative base, constraint names and the column types shared by all tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

IdType = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
"""UUIDv7 as 36 characters; native on PostgreSQL, plain text on SQLite so that reads convert
nothing."""

BigIntegerId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware UTC time with microseconds on both databases; naive values are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Store UTC; SQLite keeps it without the zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone cannot be stored: use annotate.db.now()")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give back aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Root of all tables."""

    metadata = sa.MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain dict
        datetime: UtcDateTime(),
        str: sa.Text(),
        dict[str, Any]: sa.Text(),
    }


Id = Annotated[str, mapped_column(IdType)]
PrimaryId = Annotated[str, mapped_column(IdType, primary_key=True)]
Short = Annotated[str, mapped_column(sa.String(64))]
Name = Annotated[str, mapped_column(sa.String(200))]
Hash = Annotated[str, mapped_column(sa.String(64))]


def reference(target: str, *, index: bool = False, primary_key: bool = False) -> Any:  # noqa: ANN401
    """Return a column that points at another table's id."""
    return mapped_column(IdType, sa.ForeignKey(target), index=index, primary_key=primary_key)


def one_of(column: str, *values: str, name: str | None = None) -> sa.CheckConstraint:
    """Return a CHECK that the column holds one of the values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=name or column)

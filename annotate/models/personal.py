"""What a person keeps for themselves: keys, and which changes of rules they were shown."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

from sqlalchemy.orm import Mapped  # noqa: TC002

from annotate.models.base import Base, Id, reference


class PersonalKeys(Base):
    """The keys a person chose for actions and options of the labelling page."""

    __tablename__ = "personal_keys"

    user_id: Mapped[Id] = reference("user_account.id", primary_key=True)
    keys: Mapped[str]
    changed_at: Mapped[datetime]


class RubricAcknowledgement(Base):
    """A person was shown what a rubric version changed, and said so."""

    __tablename__ = "rubric_acknowledgement"

    user_id: Mapped[Id] = reference("user_account.id", primary_key=True)
    rubric_version_id: Mapped[Id] = reference("rubric_version.id", primary_key=True)
    project_id: Mapped[Id] = reference("project.id")
    created_at: Mapped[datetime]

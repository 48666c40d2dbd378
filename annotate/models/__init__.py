"""Tables of the application, one module a topic. ``metadata`` knows them all."""

from __future__ import annotations

from annotate.models.base import Base
from annotate.models.cases import (
    AdjudicationCase,
    AdjudicatorAnswer,
    CaseCell,
    Decision,
)
from annotate.models.content import Item, Media
from annotate.models.gold import AgreementReport, GoldCell, GoldRelease, LabelMap
from annotate.models.labels import Annotation, Label
from annotate.models.operations import AuditEvent, ImportProblem, Job, OutboxMessage
from annotate.models.people import (
    ApiToken,
    LoginSession,
    LoginThrottle,
    OneTimeLink,
    RoleGrant,
    Team,
    UserAccount,
)
from annotate.models.personal import PersonalKeys, RubricAcknowledgement
from annotate.models.practice import PracticeAnswer, PracticeItem
from annotate.models.projects import Project, Round, Rubric, RubricVersion
from annotate.models.wellbeing import (
    Break,
    CategoryOptOut,
    Exposure,
    ItemReport,
    OptOut,
    TaskExposure,
    WellbeingPolicy,
    WellbeingPreference,
)
from annotate.models.work import AnnotatorCursor, Assignment, Reservation, Task

metadata = Base.metadata

__all__ = [
    "AdjudicationCase",
    "AdjudicatorAnswer",
    "AgreementReport",
    "Annotation",
    "AnnotatorCursor",
    "ApiToken",
    "Assignment",
    "AuditEvent",
    "Base",
    "Break",
    "CaseCell",
    "CategoryOptOut",
    "Decision",
    "Exposure",
    "GoldCell",
    "GoldRelease",
    "ImportProblem",
    "Item",
    "ItemReport",
    "Job",
    "Label",
    "LabelMap",
    "LoginSession",
    "LoginThrottle",
    "Media",
    "OneTimeLink",
    "OptOut",
    "OutboxMessage",
    "PersonalKeys",
    "PracticeAnswer",
    "PracticeItem",
    "Project",
    "Reservation",
    "RoleGrant",
    "Round",
    "Rubric",
    "RubricAcknowledgement",
    "RubricVersion",
    "Task",
    "TaskExposure",
    "Team",
    "UserAccount",
    "WellbeingPolicy",
    "WellbeingPreference",
    "metadata",
]

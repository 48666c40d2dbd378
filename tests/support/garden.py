"""A small rubric on gardening advice, as text; tests add the questions that they are about."""

from __future__ import annotations

_HEAD = """\
schema: touchstone-rubric/1
id: garden
version: 1.0.0
title: Garden
status: pilot
item:
  unit: conversation
  kinds: [{kinds}]
questions:
  - id: useful
    text: Is the answer useful?
    type: boolean
    target: conversation
"""
TOOLS = """\
  - id: tools
    text: Which tools does it take?
    type: multi
    target: conversation
    min: 0
    options:
      - {id: spade, label: Spade}
      - {id: rake, label: Rake}
      - {id: can, label: Watering can}
    ask_if: {question: useful, is: true}
    when_not_asked: none
"""
NOTE = """\
  - id: note
    text: Anything else?
    type: text
    target: conversation
    required: false
"""


def garden(*questions: str, kinds: str = "text") -> str:
    """The rubric for items of these kinds: whether an answer is useful, and more questions."""
    return _HEAD.format(kinds=kinds) + "".join(questions)

// Shapes that the labelling page shares. Types only: nothing here runs.

/** @typedef {"single" | "multi" | "ordinal" | "boolean" | "number" | "span" | "text" | "preference" | "ranking"} QuestionType */
/** @typedef {"answered" | "unsure" | "cannot_assess"} AnswerState */

/**
 * @typedef {object} Span
 * @property {string} target text | prompt | response | message:<index>
 * @property {number} start first code point
 * @property {number} end code point after the last
 * @property {string} [label]
 */

/** A ranking: groups of option ids, the best first; a group of several shares its rank. */
/** @typedef {string[][]} Ranks */

/** @typedef {string | boolean | number | string[] | Span[] | Ranks | null} AnswerValue */

/**
 * One answer as the API takes it. `per` holds the answers of a repeated question, by category.
 *
 * @typedef {object} Answer
 * @property {AnswerValue} [value]
 * @property {AnswerState} [state]
 * @property {string} [reason]
 * @property {string[]} [clauses]
 * @property {Record<string, Answer>} [per]
 */

/** @typedef {Record<string, Answer>} Answers */

/**
 * A condition as data: a comparison of one question's answer, or a joint of conditions.
 *
 * @typedef {object} Condition
 * @property {string} [question]
 * @property {"is" | "any_of" | "none_of" | "at_least" | "at_most" | "chosen"} [op]
 * @property {string | boolean | number | string[]} [value]
 * @property {string[] | null} [accepts] option ids that satisfy it; null where the answer as a whole is looked at
 * @property {Condition[]} [all]
 * @property {Condition[]} [any]
 * @property {Condition} [not]
 */

/** @typedef {{ test: Condition, words: string }} Asking */

/**
 * @typedef {object} Option
 * @property {string} id
 * @property {string} label
 * @property {number | null} [code]
 * @property {string | null} [help]
 * @property {string | null} [hotkey] what this person presses
 * @property {string | null} [usual] the key that the rubric gives
 * @property {string} [slot] of a response: the option whose place on screen, and whose key, it has
 */

/**
 * @typedef {object} Question
 * @property {string} id
 * @property {string} text
 * @property {QuestionType} type
 * @property {string | null} [level]
 * @property {string | null} [help]
 * @property {string | null} [target]
 * @property {Option[]} options
 * @property {string | null} [options_from]
 * @property {number | null} [min]
 * @property {number | null} [max]
 * @property {Asking | null} [ask_if]
 * @property {string | null} [repeat_for]
 * @property {boolean} required
 * @property {Asking | null} [required_if]
 * @property {number | null} [max_chars]
 * @property {boolean} cite
 * @property {boolean} [ties] a preference or a ranking that may call options equal
 * @property {("unsure" | "cannot_assess")[]} reserved
 */

/**
 * @typedef {object} Clause
 * @property {string} id
 * @property {string} text
 * @property {"include" | "exclude" | "edge"} kind
 * @property {string | null} [ruling]
 * @property {string | null} [since]
 */

/**
 * @typedef {object} Example
 * @property {string} text
 * @property {string | null} [clause]
 * @property {string | null} [note]
 * @property {string | null} [language]
 */

/**
 * @typedef {object} Category
 * @property {string} id
 * @property {string} name
 * @property {string} definition
 * @property {Clause[]} clauses
 * @property {Example[]} examples
 * @property {Example[]} counterexamples
 * @property {Record<string, string>} severity_anchors by option id
 * @property {number} [exposure_weight] how heavy it is to read
 */

/**
 * @typedef {object} ReservedAnswer
 * @property {boolean} allowed
 * @property {boolean} needs_reason
 * @property {string[]} reasons
 */

/**
 * @typedef {object} Rubric
 * @property {string} id
 * @property {string} version
 * @property {string} title
 * @property {string} fingerprint
 * @property {Question[]} questions
 * @property {Category[]} categories
 * @property {{ unsure: ReservedAnswer, cannot_assess: ReservedAnswer }} reserved
 * @property {{ show: string[] }} item
 * @property {{ conceal: "never" | "always" | "flagged", reveal: "click" | "hold", notice: string | null }} display
 */

/**
 * @typedef {object} ToolCall
 * @property {string} name
 * @property {string} arguments
 * @property {string} [id]
 */

/**
 * A file of an item, with the part it belongs to.
 *
 * @typedef {object} MediaEntry
 * @property {string} sha256
 * @property {string} type
 * @property {number} bytes
 * @property {string} target
 * @property {number} [width]
 * @property {number} [height]
 * @property {string} [alt]
 * @property {string} [transcript]
 */

/**
 * @typedef {object} Message
 * @property {string} role
 * @property {string} content
 * @property {ToolCall[]} [tool_calls]
 * @property {string} [tool_call_id]
 * @property {string} [name]
 */

/**
 * @typedef {object} Body
 * @property {string} [text]
 * @property {string} [system]
 * @property {string} [prompt]
 * @property {string} [response]
 * @property {Message[]} [messages]
 * @property {MediaEntry[]} [media]
 * @property {{ id: string, text: string }[]} [responses] in the order shown; ids are places in the item, r1, r2, …
 */

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string} external_id
 * @property {string} kind
 * @property {Body} body
 * @property {string | null} [language]
 * @property {Record<string, unknown>} [metadata]
 */

/**
 * @typedef {object} Assignment
 * @property {string} id
 * @property {number} fence
 * @property {string | null} expires_at
 * @property {string} round_id
 * @property {Item} item
 * @property {string} fingerprint
 * @property {string} rubric_version_id
 * @property {boolean} [needs_reveal]
 * @property {number} revision
 * @property {string} [state] leased | submitted
 * @property {Answers | null} [answers]
 */

/**
 * A line of the question list: a question, or one category of a repeated question.
 *
 * @typedef {object} Step
 * @property {string} key question id, or question id and category
 * @property {Question} question
 * @property {string} category '' where the question is not repeated
 * @property {string} categoryName
 * @property {"asked" | "waiting" | "closed"} standing
 * @property {boolean} required
 * @property {number} number
 */

/**
 * @typedef {object} Problem
 * @property {string} question
 * @property {string} [category]
 * @property {string} [code]
 * @property {string} message
 * @property {string | null} [condition]
 */

export {};

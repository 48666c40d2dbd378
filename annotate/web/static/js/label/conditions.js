// Conditions as data, in three values. The same rules as rubrics/conditions.py: tests/test_web/condition_vectors.json
// is run through both.

/** @typedef {import("./types.js").Condition} Condition */
/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").AnswerValue} AnswerValue */
/** @typedef {import("./types.js").Question} Question */
/** @typedef {boolean | null} Truth `null`: the answers do not settle it */

/**
 * @param {Truth[]} truths
 * @returns {Truth}
 */
function every(truths) {
  if (truths.includes(false)) return false;
  return truths.includes(null) ? null : true;
}

/**
 * @param {Truth[]} truths
 * @returns {Truth}
 */
function some(truths) {
  if (truths.includes(true)) return true;
  return truths.includes(null) ? null : false;
}

/**
 * @param {Answer} answer
 * @returns {boolean}
 */
export function isAnswered(answer) {
  const state = answer.state ?? "answered";
  return state === "answered" && answer.value !== undefined && answer.value !== null;
}

/**
 * @param {AnswerValue | undefined} value
 * @returns {Set<string>}
 */
function chosen(value) {
  if (Array.isArray(value)) return new Set(value.filter((one) => typeof one === "string"));
  if (typeof value === "boolean") return new Set([value ? "true" : "false"]);
  return new Set(typeof value === "string" ? [value] : []);
}

/**
 * @param {Condition} test
 * @param {number} value
 * @returns {boolean}
 */
function compareNumber({ op, value: bound }, value) {
  if (typeof bound !== "number") return false;
  if (op === "at_least") return value >= bound;
  if (op === "at_most") return value <= bound;
  return op === "is" && value === bound;
}

/**
 * @param {AnswerValue | undefined} value
 * @returns {boolean}
 */
function isGiven(value) {
  if (Array.isArray(value) || typeof value === "string") return value.length > 0;
  return value !== null && value !== undefined;
}

/**
 * @param {Condition} test
 * @param {AnswerValue | undefined} value
 * @returns {boolean}
 */
function compareValue(test, value) {
  if (test.op === "chosen") return isGiven(value) === Boolean(test.value);
  if (typeof value === "number") return compareNumber(test, value);
  const held = chosen(value);
  const meets = (test.accepts ?? []).some((id) => held.has(id));
  return test.op === "none_of" ? !meets : meets;
}

/**
 * @param {Condition} test
 * @param {Answer | undefined} answer
 * @returns {Truth}
 */
function compare(test, answer) {
  if (!answer) return null;
  if (answer.per) {
    const truths = Object.values(answer.per).map((one) => compare(test, one));
    return test.op === "none_of" ? every(truths) : some(truths);
  }
  return isAnswered(answer) ? compareValue(test, answer.value) : null;
}

/**
 * Whether a condition holds; null when the answers do not settle it.
 *
 * @param {Condition} condition
 * @param {Answers} answers
 * @returns {Truth}
 */
export function truth(condition, answers) {
  if (condition.all) return every(condition.all.map((part) => truth(part, answers)));
  if (condition.any) return some(condition.any.map((part) => truth(part, answers)));
  if (condition.not) {
    const inner = truth(condition.not, answers);
    return inner === null ? null : !inner;
  }
  return compare(condition, answers[condition.question ?? ""]);
}

/**
 * How a question stands: `asked`, `closed` by its condition, or `waiting` for an earlier answer.
 *
 * @param {Question} question
 * @param {Answers} opened answers of the open questions before it
 * @returns {"asked" | "closed" | "waiting"}
 */
function standing(question, opened) {
  if (question.ask_if) {
    const holds = truth(question.ask_if.test, opened);
    if (holds !== true) return holds === false ? "closed" : "waiting";
  }
  if (!question.repeat_for) return "asked";
  const parent = opened[question.repeat_for];
  if (!parent || !isAnswered(parent)) return "waiting";
  return isGiven(parent.value) && parent.value !== false ? "asked" : "closed";
}

/**
 * How each question stands for these answers. Questions are looked at in order, and the answer to a question that is not
 * asked counts for nothing, so closing one closes whatever hangs on it.
 *
 * @param {Question[]} questions
 * @param {Answers} answers
 * @returns {Map<string, "asked" | "closed" | "waiting">}
 */
export function standings(questions, answers) {
  /** @type {Answers} */
  const opened = {};
  /** @type {Map<string, "asked" | "closed" | "waiting">} */
  const found = new Map();
  for (const question of questions) {
    let how = standing(question, opened);
    if (how === "waiting" && !canStillOpen(question, found, answers)) how = "closed";
    found.set(question.id, how);
    const answer = answers[question.id];
    if (how === "asked" && answer) opened[question.id] = answer;
  }
  return found;
}

/**
 * A question waits only while something it hangs on is still to be answered; a closed or reserved answer settles it.
 *
 * @param {Question} question
 * @param {Map<string, "asked" | "closed" | "waiting">} found
 * @param {Answers} answers
 * @returns {boolean}
 */
function canStillOpen(question, found, answers) {
  const ids = question.ask_if ? operands(question.ask_if.test) : [];
  if (question.repeat_for) ids.push(question.repeat_for);
  return ids.some((id) => {
    const how = found.get(id);
    if (how === "waiting") return true;
    if (how !== "asked") return false;
    const answer = answers[id];
    return !answer || (!answer.per && !isAnswered(answer) && (answer.state ?? "answered") === "answered")
      || (answer.per !== undefined && Object.values(answer.per).some((one) => !isAnswered(one) && !one.state));
  });
}

/**
 * Ids of the questions a condition looks at.
 *
 * @param {Condition} condition
 * @returns {string[]}
 */
export function operands(condition) {
  const parts = condition.all ?? condition.any ?? (condition.not ? [condition.not] : null);
  if (parts) return parts.flatMap(operands);
  return condition.question === undefined ? [] : [condition.question];
}

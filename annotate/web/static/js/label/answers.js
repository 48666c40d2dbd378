// The answers of one annotation: which questions stand open, what is still missing, what is sent. Pure; the page only draws it.
import { countCodePoints } from "./codepoints.js";
import { isAnswered, standings, truth } from "./conditions.js";
import { unranked } from "./ranking.js";

/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").Question} Question */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./types.js").Span} Span */

/** @typedef {"missing" | "too_few" | "too_many" | "out_of_range" | "too_long" | "reason_needed" | "unranked"} Lack */

const REASON_STATES = /** @type {const} */ (["unsure", "cannot_assess"]);

/**
 * Categories for which a repeated question is asked: the chosen options of its parent.
 *
 * @param {Answer | undefined} parent
 * @returns {string[]}
 */
function chosenOf(parent) {
  if (!parent || !isAnswered(parent)) return [];
  if (Array.isArray(parent.value)) return parent.value.filter((one) => typeof one === "string");
  return typeof parent.value === "string" ? [parent.value] : [];
}

/**
 * The harm categories that were chosen so far, over all questions that choose among them.
 *
 * @param {Rubric} rubric
 * @param {Answers} answers
 * @returns {string[]}
 */
export function chosenCategories(rubric, answers) {
  return rubric.questions
    .filter(({ options_from: from, type }) => from === "categories" && type !== "span")
    .flatMap(({ id }) => chosenOf(answers[id]));
}

/**
 * Answers without the parts that count for nothing: categories that are no longer chosen.
 *
 * @param {Rubric} rubric
 * @param {Answers} answers
 * @returns {Answers}
 */
export function withoutStale(rubric, answers) {
  /** @type {Answers} */
  const kept = {};
  for (const question of rubric.questions) {
    const answer = answers[question.id];
    if (!answer) continue;
    if (!question.repeat_for) {
      kept[question.id] = answer;
      continue;
    }
    const per = answer.per ?? {};
    const chosen = chosenOf(kept[question.repeat_for]);
    const rest = chosen.flatMap((id) => (per[id] ? [[id, per[id]]] : []));
    if (rest.length) kept[question.id] = { ...answer, per: Object.fromEntries(rest) };
  }
  return kept;
}

/**
 * @param {Rubric} rubric
 * @param {Question} parent
 * @param {string} id
 * @returns {string}
 */
function nameOf(rubric, parent, id) {
  const category = rubric.categories.find((one) => one.id === id);
  return category?.name ?? parent.options.find((one) => one.id === id)?.label ?? id;
}

/**
 * The lines of the question list, in order; a repeated question gives one line per chosen category.
 *
 * @param {Rubric} rubric
 * @param {Answers} answers
 * @returns {Step[]}
 */
export function stepsOf(rubric, answers) {
  const live = withoutStale(rubric, answers);
  const how = standings(rubric.questions, live);
  const opened = Object.fromEntries(Object.entries(live).filter(([id]) => how.get(id) === "asked"));
  return rubric.questions.flatMap((question, index) => {
    const standing = how.get(question.id) ?? "asked";
    const required = question.required
      || (question.required_if ? truth(question.required_if.test, opened) === true : false);
    const one = { question, standing, required: required && standing === "asked", number: index + 1 };
    const parent = rubric.questions.find(({ id }) => id === question.repeat_for);
    if (!parent || standing !== "asked") return [{ ...one, key: question.id, category: "", categoryName: "" }];
    return chosenOf(live[parent.id]).map((id) => ({
      ...one, key: `${question.id}/${id}`, category: id, categoryName: nameOf(rubric, parent, id),
    }));
  });
}

/**
 * @param {Answers} answers
 * @param {Step} step
 * @returns {Answer | undefined}
 */
export function answerOf(answers, step) {
  const answer = answers[step.question.id];
  return step.category ? answer?.per?.[step.category] : answer;
}

/**
 * The answers with one of them changed; undefined takes it away.
 *
 * @param {Answers} answers
 * @param {Step} step
 * @param {Answer | undefined} answer
 * @returns {Answers}
 */
export function withAnswer(answers, step, answer) {
  const { [step.question.id]: before, ...rest } = answers;
  if (!step.category) return answer ? { ...rest, [step.question.id]: answer } : rest;
  const { [step.category]: _, ...others } = before?.per ?? {};
  const per = answer ? { ...others, [step.category]: answer } : others;
  return Object.keys(per).length ? { ...rest, [step.question.id]: { per } } : rest;
}

/**
 * Whether an answer holds anything, given or reserved.
 *
 * @param {Answer | undefined} answer
 * @returns {boolean}
 */
export function isGiven(answer) {
  if (!answer) return false;
  if (answer.state && answer.state !== "answered") return true;
  if (!isAnswered(answer)) return false;
  return typeof answer.value !== "string" || answer.value.trim() !== "";
}

/**
 * @param {Rubric} rubric
 * @param {Answer} answer
 * @returns {Lack | null}
 */
function lackOfReason(rubric, answer) {
  for (const state of REASON_STATES) {
    if (answer.state === state && rubric.reserved[state].needs_reason && !answer.reason?.trim()) return "reason_needed";
  }
  return null;
}

/**
 * @param {Question} question
 * @param {Answer} answer
 * @returns {Lack | null}
 */
function lackOfValue(question, answer) {
  const { value } = answer;
  if (question.type === "ranking") return unranked(question, answer) ? "unranked" : null;
  if (Array.isArray(value)) {
    if (value.length < (question.min ?? 0)) return "too_few";
    return typeof question.max === "number" && value.length > question.max ? "too_many" : null;
  }
  if (typeof value === "number") {
    const low = typeof question.min === "number" && value < question.min;
    const high = typeof question.max === "number" && value > question.max;
    return low || high ? "out_of_range" : null;
  }
  if (question.type === "text" && typeof value === "string" && question.max_chars) {
    return countCodePoints(value) > question.max_chars ? "too_long" : null;
  }
  return null;
}

/**
 * What keeps an answer from being sent, or null.
 *
 * @param {Rubric} rubric
 * @param {Step} step
 * @param {Answer | undefined} answer
 * @returns {Lack | null}
 */
export function lackOf(rubric, step, answer) {
  if (step.standing !== "asked") return null;
  if (!answer || !isGiven(answer)) return step.required ? "missing" : null;
  if (answer.state && answer.state !== "answered") return lackOfReason(rubric, answer);
  return lackOfValue(step.question, answer);
}

/**
 * The steps that still keep the annotation from being sent.
 *
 * @param {Rubric} rubric
 * @param {Answers} answers
 * @returns {{ step: Step, lack: Lack }[]}
 */
export function lacks(rubric, answers) {
  return stepsOf(rubric, answers).flatMap((step) => {
    const lack = lackOf(rubric, step, answerOf(answers, step));
    return lack ? [{ step, lack }] : [];
  });
}

/**
 * @param {Answer} answer
 * @returns {Answer}
 */
function cleaned(answer) {
  /** @type {Answer} */
  const sent = {};
  if (answer.state && answer.state !== "answered") sent.state = answer.state;
  else sent.value = answer.value ?? null;
  if (sent.state && answer.reason?.trim()) sent.reason = answer.reason.trim();
  if (answer.clauses?.length) sent.clauses = answer.clauses;
  return sent;
}

/**
 * What is sent: the answers of the questions that are asked, and nothing else.
 *
 * @param {Rubric} rubric
 * @param {Answers} answers
 * @returns {Answers}
 */
export function submissionOf(rubric, answers) {
  /** @type {Answers} */
  let sent = {};
  for (const step of stepsOf(rubric, answers)) {
    const answer = answerOf(answers, step);
    if (step.standing === "asked" && answer && isGiven(answer)) sent = withAnswer(sent, step, cleaned(answer));
  }
  return sent;
}

/**
 * Every marked passage, with the question it answers.
 *
 * @param {Rubric} rubric
 * @param {Answers} answers
 * @returns {{ step: Step, index: number, span: Span }[]}
 */
export function spansOf(rubric, answers) {
  return stepsOf(rubric, answers)
    .filter((step) => step.question.type === "span" && step.standing === "asked")
    .flatMap((step) => {
      const value = answerOf(answers, step)?.value;
      const spans = /** @type {Span[]} */ (Array.isArray(value) ? value.filter((one) => typeof one === "object") : []);
      return spans.map((span, index) => ({ step, index, span }));
    });
}

/**
 * The step to stand on after `from` was answered: the next one that must still be answered, then the first such one.
 *
 * @param {Rubric} rubric
 * @param {Answers} answers
 * @param {string} from
 * @returns {Step | null}
 */
export function nextStep(rubric, answers, from) {
  const steps = stepsOf(rubric, answers);
  const at = steps.findIndex((step) => step.key === from);
  const open = steps.filter((step) => lackOf(rubric, step, answerOf(answers, step)) !== null);
  return open.find((step) => steps.indexOf(step) > at) ?? open[0] ?? null;
}

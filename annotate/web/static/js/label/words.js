// An answer in a few words, and what is wrong with one.
import { sliceCodePoints } from "./codepoints.js";
import { ranksOf } from "./ranking.js";
import { t, tOr } from "./texts.js";

/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Question} Question */
/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./answers.js").Lack} Lack */

const LONGEST = 24;
/** @type {Intl.DisplayNames | undefined} */
let names;

/**
 * @param {string} reason
 * @returns {string}
 */
export function reasonWords(reason) {
  return tOr(`reason-${reason}`, reason.replaceAll("_", " "));
}

/**
 * The answer as the folded line shows it; '' when there is none.
 *
 * @param {Question} question
 * @param {Answer | undefined} answer
 * @returns {string}
 */
export function summaryOf(question, answer) {
  if (!answer) return "";
  if (answer.state === "unsure") return t("unsure");
  if (answer.state === "cannot_assess") return answer.reason ? t("cannotBecause", { reason: reasonWords(answer.reason) }) : t("cannotAssess");
  const { value } = answer;
  if (value === undefined || value === null || value === "") return "";
  if (question.type === "ranking") return rankWords(question, ranksOf(answer));
  if (Array.isArray(value)) return listWords(question, value);
  if (typeof value === "number") return String(value);
  const id = String(value);
  if (question.type === "text") return id.length > LONGEST ? `${id.slice(0, LONGEST).trimEnd()}…` : id;
  return question.options.find((option) => option.id === id)?.label ?? id;
}

/**
 * @param {Question} question
 * @param {string[][]} ranks
 * @returns {string}
 */
function rankWords({ options }, ranks) {
  const label = (/** @type {string} */ id) => options.find((option) => option.id === id)?.label ?? id;
  return ranks.map((group) => group.map(label).join(" = ")).join(" > ");
}

/**
 * @param {Question} question
 * @param {unknown[]} value
 * @returns {string}
 */
function listWords(question, value) {
  if (question.type === "span") return value.length ? t("passages", { count: value.length }) : t("noPassage");
  const labels = value.map((id) => question.options.find((option) => option.id === id)?.label ?? String(id));
  if (!labels.length) return t("noneOfThese");
  return labels.length > 2 ? t("chosenCount", { count: labels.length }) : labels.join(", ");
}

/**
 * What an answer lacks, in words that say what to do.
 *
 * @param {Step} step
 * @param {Lack} lack
 * @returns {string}
 */
export function lackWords({ question }, lack) {
  const words = {
    missing: () => t("lackMissing"),
    too_few: () => t("lackTooFew", { count: question.min ?? 0 }),
    too_many: () => t("lackTooMany", { count: question.max ?? 0 }),
    out_of_range: () => rangeWords(question),
    too_long: () => t("lackTooLong", { count: question.max_chars ?? 0 }),
    reason_needed: () => t("lackReason"),
    unranked: () => t("lackUnranked"),
  };
  return words[lack]();
}

/**
 * @param {Question} question
 * @returns {string}
 */
export function rangeWords({ min, max }) {
  if (typeof min === "number" && typeof max === "number") return t("range", { min, max });
  if (typeof min === "number") return t("rangeFrom", { min });
  return typeof max === "number" ? t("rangeTo", { max }) : "";
}

/**
 * @param {string} text
 * @param {import("./types.js").Span} span
 * @returns {string}
 */
export function quoted(text, span) {
  return sliceCodePoints(text, span.start, span.end);
}

/**
 * The name of a language in the language of the page.
 *
 * @param {string} code
 * @returns {string}
 */
export function languageName(code) {
  try {
    names ??= new Intl.DisplayNames([document.documentElement.lang || "en"], { type: "language" });
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}

// Items with several responses: how they are drawn, and the rubric's options in the order that this person sees them in.
import { h } from "../lib/dom.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").Body} Body */
/** @typedef {import("./types.js").Item} Item */
/** @typedef {import("./types.js").Option} Option */
/** @typedef {import("./types.js").Question} Question */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./item.js").Turn} Turn */

const SIDES = /** @type {Record<string, string>} */ ({ first: "r1", second: "r2" });

/**
 * The responses of an item as turns, in the order shown; none where the item has no list of them.
 *
 * @param {Body} body
 * @returns {Turn[]}
 */
export function responseTurns({ responses }) {
  return (responses ?? []).map(({ id, text }, index) => ({
    target: `response:${id}`, role: "assistant", text, name: t("responseNumber", { number: index + 1 }),
  }));
}

/**
 * Drawn turns with those of responses side by side in one group.
 *
 * @param {Turn[]} turns
 * @param {HTMLElement[]} nodes one for each turn
 * @returns {HTMLElement[]}
 */
export function besideEachOther(turns, nodes) {
  const panes = nodes.filter((_, index) => turns[index]?.name !== undefined);
  if (!panes.length) return nodes;
  const rest = nodes.filter((node) => !panes.includes(node));
  return [...rest, h("div.responses", { role: "group", "aria-label": t("responses"), "data-count": String(panes.length) }, panes)];
}

/**
 * Options of a question in the order in which the responses are shown, called by their place on screen, keys by that place.
 *
 * @param {Question} question
 * @param {string[]} shown ids of the responses as they stand on screen
 * @returns {Question}
 */
function asShown(question, shown) {
  const place = (/** @type {Option} */ { id }) => shown.indexOf(SIDES[id] ?? id);
  if (question.type !== "preference" && question.options_from !== "responses") return question;
  const placed = question.options.filter((option) => place(option) >= 0).sort((a, b) => place(a) - place(b));
  const others = question.options.filter((option) => question.type === "preference" && SIDES[option.id] === undefined);
  const slots = question.options.map(({ id, hotkey }) => ({ slot: id, hotkey: hotkey ?? null }));
  const named = placed.map((option, index) => ({ ...option, label: t("responseNumber", { number: index + 1 }) }));
  return { ...question, options: [...named, ...others].map((option, index) => ({ ...option, ...slots[index] })) };
}

/**
 * The rubric as it reads beside an item: where the item has responses, questions about them follow the order on screen.
 *
 * @param {Rubric} rubric
 * @param {Item} item
 * @returns {Rubric}
 */
export function besideItem(rubric, { body }) {
  if (!body.responses) return rubric;
  const shown = body.responses.map(({ id }) => id);
  return { ...rubric, questions: rubric.questions.map((question) => asShown(question, shown)) };
}

/**
 * Where in the item the open question looks: for a question that is asked of each response, at that response.
 *
 * @param {import("./types.js").Step | undefined} step
 * @param {Item} item
 * @returns {string | null | undefined}
 */
export function lookedAt(step, { body }) {
  const about = body.responses?.some(({ id }) => id === step?.category);
  return about ? `response:${step?.category}` : step?.question.target;
}

// What is not on the server yet, or was refused: each annotation with its state, its answers to read, and what can be done.
import { fill, h, must } from "../lib/dom.js";
import { stepsOf, answerOf, isGiven } from "./answers.js";
import { ask } from "./dialogs.js";
import { actionButton } from "./notices.js";
import { t } from "./texts.js";
import { summaryOf } from "./words.js";

/** @typedef {import("../lib/queue.js").Entry} Entry */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./notices.js").Action} Action */

/**
 * Why an entry is here, as the page tells it apart.
 *
 * @param {Entry} entry
 * @returns {"waiting" | "answers" | "lost" | "conflict" | "other"}
 */
export function kindOf({ refused }) {
  if (!refused) return "waiting";
  if (refused.status === 422 && refused.problems.length) return "answers";
  if (refused.status === 404 || refused.status === 410) return "lost";
  return refused.status === 409 || refused.status === 422 ? "conflict" : "other";
}

/**
 * @typedef {object} OutboxHandlers
 * @property {(id: string) => Promise<Rubric | null>} rubric
 * @property {(entry: Entry) => void} open
 * @property {(entry: Entry) => void} see
 * @property {(entry: Entry) => void} again
 * @property {(entry: Entry) => void} dismiss
 */

/**
 * Show the list until it is closed.
 *
 * @param {Entry[]} entries
 * @param {OutboxHandlers} handlers
 */
export async function showOutbox(entries, handlers) {
  const rows = await Promise.all(entries.map(async (entry) => row(entry, await handlers.rubric(entry.rubricVersionId), handlers)));
  fill(must("#outbox-list"), rows.length ? rows : h("li.muted", {}, t("nothingWaits")));
  await ask("outbox");
}

/**
 * @param {Entry} entry
 * @param {Rubric | null} rubric
 * @param {OutboxHandlers} handlers
 */
function row(entry, rubric, handlers) {
  const kind = kindOf(entry);
  const node = h("li.outbox-entry", {},
    h("p.outbox-head", {}, h("span.chip.chip-id", {}, entry.itemName), h("span", {}, t(`outbox-${kind}`))),
    entry.refused && kind !== "answers" ? h("p.note", {}, entry.refused.message) : null,
    entry.refused?.problems.map(({ message }) => h("p.note", {}, message)) ?? [],
    rubric ? answers(entry, rubric) : null,
    h("div.btn-row", {}, actions(entry, kind, handlers, () => node.remove()).map(actionButton)));
  return node;
}

/**
 * @param {Entry} entry
 * @param {Rubric} rubric
 */
function answers(entry, rubric) {
  const given = stepsOf(rubric, entry.answers).filter((step) => step.standing === "asked" && isGiven(answerOf(entry.answers, step)));
  return h("dl.facts", {}, given.flatMap((step) => {
    const answer = answerOf(entry.answers, step);
    const words = step.question.type === "text" && typeof answer?.value === "string" ? answer.value : summaryOf(step.question, answer);
    return [h("dt", {}, step.categoryName || step.question.text), h("dd", { dir: "auto" }, words)];
  }));
}

/**
 * @param {Entry} entry
 * @param {ReturnType<typeof kindOf>} kind
 * @param {OutboxHandlers} handlers
 * @param {() => void} gone
 * @returns {Action[]}
 */
function actions(entry, kind, { open, see, again, dismiss }, gone) {
  /** @type {Action} */
  const drop = { text: t("dismiss"), act: () => { dismiss(entry); gone(); }, kind: "quiet" };
  switch (kind) {
    case "waiting": return [];
    case "answers": return [{ text: t("openAgain"), act: () => open(entry), kind: "primary" }, drop];
    case "conflict": return [{ text: t("seeSaved"), act: () => see(entry) }, drop];
    case "other": return [{ text: t("tryAgain"), act: () => { again(entry); gone(); } }, drop];
    default: return [drop];
  }
}

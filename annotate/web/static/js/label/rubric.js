// The rubric as the server gives it, made whole: every list present, every option with its key.

/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./types.js").Question} Question */
/** @typedef {import("./types.js").Option} Option */
/** @typedef {import("./types.js").Category} Category */
/** @typedef {import("./types.js").Clause} Clause */
/** @typedef {import("./types.js").ReservedAnswer} ReservedAnswer */

const DIGITS = "1234567890";

/** Keys that the page keeps for itself; an option never takes them. */
export const PAGE_KEYS = "jkzuxorhscnp?/[]";

/**
 * @param {Option[]} options
 * @returns {Option[]}
 */
function withKeys(options) {
  const taken = new Set(options.map(({ hotkey }) => hotkey?.toLowerCase()).filter((key) => key && !PAGE_KEYS.includes(key)));
  const free = [...DIGITS].filter((digit) => !taken.has(digit));
  return options.map((option) => {
    const own = option.hotkey?.toLowerCase();
    const hotkey = own && !PAGE_KEYS.includes(own) ? own : free.shift() ?? null;
    return { ...option, hotkey };
  });
}

/**
 * @param {any} raw
 * @returns {ReservedAnswer}
 */
function reserved(raw) {
  return { allowed: raw?.allowed ?? true, needs_reason: raw?.needs_reason ?? false, reasons: raw?.reasons ?? [] };
}

/**
 * @param {any} raw
 * @returns {Category}
 */
function category(raw) {
  /** @type {Clause[]} */
  const clauses = raw.clauses ?? [
    ...(raw.includes ?? []).map((/** @type {Clause} */ one) => ({ ...one, kind: "include" })),
    ...(raw.excludes ?? []).map((/** @type {Clause} */ one) => ({ ...one, kind: "exclude" })),
    ...(raw.edge_cases ?? []).map((/** @type {Clause} */ one) => ({ ...one, kind: "edge" })),
  ];
  return {
    ...raw,
    clauses,
    examples: raw.examples ?? [],
    counterexamples: raw.counterexamples ?? [],
    severity_anchors: raw.severity_anchors ?? {},
  };
}

/**
 * @param {any} raw
 * @param {Category[]} categories
 * @param {[Option, Option]} yesNo
 * @returns {Question}
 */
function question(raw, categories, yesNo) {
  /** @type {Option[]} */
  let options = raw.options ?? [];
  if (!options.length && raw.options_from === "categories") {
    options = categories.map(({ id, name, definition }) => ({ id, label: name, help: definition }));
  }
  if (raw.type === "boolean" && !options.length) options = yesNo;
  return { ...raw, options: raw.type === "span" && !options.length ? [] : withKeys(options), required: raw.required ?? true, cite: raw.cite ?? false };
}

/**
 * @param {any} raw codebook.to_client
 * @param {{ yes: string, no: string }} words
 * @returns {Rubric}
 */
export function readRubric(raw, words) {
  const categories = (raw.categories ?? []).map(category);
  /** @type {[Option, Option]} */
  const yesNo = [{ id: "true", label: words.yes }, { id: "false", label: words.no }];
  return {
    ...raw,
    categories,
    questions: raw.questions.map((/** @type {any} */ one) => question(one, categories, yesNo)),
    reserved: { unsure: reserved(raw.reserved?.unsure), cannot_assess: reserved(raw.reserved?.cannot_assess) },
    display: { conceal: raw.display?.conceal ?? "never", reveal: raw.display?.reveal ?? "click", notice: raw.display?.notice ?? null },
  };
}

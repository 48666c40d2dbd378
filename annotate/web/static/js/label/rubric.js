// The rubric as the server gives it, with what the page adds: clauses in one list, yes and no as options.

/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./types.js").Question} Question */
/** @typedef {import("./types.js").Option} Option */
/** @typedef {import("./types.js").Category} Category */

const KEYS = "1234567890";

/**
 * Options with a key each, where the server gave none: yes and no.
 *
 * @param {Option[]} options
 * @returns {Option[]}
 */
function withKeys(options) {
  return options.map((option, index) => ({ ...option, hotkey: option.hotkey ?? KEYS[index] ?? null }));
}

/**
 * @param {any} raw
 * @returns {Category}
 */
function category(raw) {
  return { ...raw, clauses: [...raw.includes, ...raw.excludes, ...raw.edge_cases] };
}

/**
 * @param {any} raw
 * @param {Category[]} categories
 * @param {[Option, Option]} yesNo
 * @returns {Question}
 */
function question(raw, categories, yesNo) {
  /** @type {Option[]} */
  let options = raw.options;
  if (raw.options_from === "categories") {
    options = options.map((option) => ({ ...option, help: option.help ?? categories.find(({ id }) => id === option.id)?.definition ?? null }));
  }
  if (raw.type === "boolean" && !options.length) options = yesNo;
  return { ...raw, options: raw.type === "boolean" ? withKeys(options) : options };
}

/**
 * @param {any} raw codebook.to_client
 * @param {{ yes: string, no: string }} words
 * @returns {Rubric}
 */
export function readRubric(raw, words) {
  const categories = raw.categories.map(category);
  /** @type {[Option, Option]} */
  const yesNo = [{ id: "true", label: words.yes }, { id: "false", label: words.no }];
  return {
    ...raw,
    categories,
    questions: raw.questions.map((/** @type {any} */ one) => question(one, categories, yesNo)),
  };
}

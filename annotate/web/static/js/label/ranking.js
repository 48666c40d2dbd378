// A ranking while it is made: groups of option ids, the best first. Pure; the rail draws it.

/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Question} Question */
/** @typedef {import("./types.js").Ranks} Ranks */

/** The key that gives the next option the rank of the one before it. */
export const TIE_KEY = "t";
/** The key that takes the last one out of the order. */
export const BACK_KEY = "Backspace";

/**
 * @param {Answer | undefined} answer
 * @returns {Ranks}
 */
export function ranksOf(answer) {
  const value = answer?.value;
  if (!Array.isArray(value)) return [];
  return value.map((one) => (Array.isArray(one) ? one : [String(one)]));
}

/**
 * @param {Question} question
 * @param {Answer | undefined} answer
 * @returns {number} how many options have no place yet
 */
export function unranked({ options }, answer) {
  return options.length - ranksOf(answer).flat().length;
}

/**
 * Put an option next in the order, or beside the last one. One that has its place stays there.
 *
 * @param {Ranks} ranks
 * @param {string} id
 * @param {boolean} beside
 * @returns {Ranks}
 */
export function placed(ranks, id, beside) {
  if (ranks.flat().includes(id)) return ranks;
  const last = ranks.at(-1);
  return beside && last ? [...ranks.slice(0, -1), [...last, id]] : [...ranks, [id]];
}

/**
 * Take an option out of the order; without one, the last that came in.
 *
 * @param {Ranks} ranks
 * @param {string} [id]
 * @returns {Ranks}
 */
export function takenBack(ranks, id = ranks.at(-1)?.at(-1)) {
  return ranks.map((group) => group.filter((one) => one !== id)).filter((group) => group.length);
}

/**
 * Move an option one place. One that shares its place leaves it; one alone changes places with its neighbours.
 *
 * @param {Ranks} ranks
 * @param {string} id
 * @param {1 | -1} by towards the end, or towards the best
 * @returns {Ranks}
 */
export function moved(ranks, id, by) {
  const at = ranks.findIndex((group) => group.includes(id));
  const group = ranks[at];
  if (!group) return ranks;
  if (group.length > 1) {
    const rest = group.filter((one) => one !== id);
    return [...ranks.slice(0, at), ...(by < 0 ? [[id], rest] : [rest, [id]]), ...ranks.slice(at + 1)];
  }
  const neighbour = ranks[at + by];
  if (!neighbour) return ranks;
  const first = Math.min(at, at + by);
  return [...ranks.slice(0, first), ...(by < 0 ? [group, neighbour] : [neighbour, group]), ...ranks.slice(first + 2)];
}

/**
 * The rank of an option, from 1; those before it count, however many share a place.
 *
 * @param {Ranks} ranks
 * @param {string} id
 * @returns {number}
 */
export function rankOf(ranks, id) {
  const at = ranks.findIndex((group) => group.includes(id));
  return at < 0 ? 0 : ranks.slice(0, at).flat().length + 1;
}

// Drafts of answers, kept in this browser. Answers only, never content. One entry per person and assignment.

const PREFIX = "touchstone.draft.";

/** @typedef {import("../label/types.js").Answers} Answers */
/** @typedef {import("./queue.js").Entry} Entry */

/**
 * @typedef {object} Draft
 * @property {Answers} answers
 * @property {string} annotationId
 * @property {number} revision
 * @property {number} savedAt
 * @property {Entry} [pending] what was submitted, until the queue has it on the disk
 * @property {Entry["former"]} [former] what was submitted before and taken back
 */

/**
 * @param {string} userId
 * @param {string} assignmentId
 */
function keyOf(userId, assignmentId) {
  return `${PREFIX}${userId}.${assignmentId}`;
}

/**
 * @param {string} userId
 * @param {string} assignmentId
 * @returns {Draft | null}
 */
export function readDraft(userId, assignmentId) {
  try {
    const text = localStorage.getItem(keyOf(userId, assignmentId));
    const draft = text === null ? null : JSON.parse(text);
    return draft && typeof draft.answers === "object" && typeof draft.annotationId === "string" ? draft : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} userId
 * @param {string} assignmentId
 * @param {Draft} draft
 * @returns {boolean} whether the browser kept it
 */
export function writeDraft(userId, assignmentId, draft) {
  try {
    localStorage.setItem(keyOf(userId, assignmentId), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} userId
 * @param {string} assignmentId
 */
export function dropDraft(userId, assignmentId) {
  try {
    localStorage.removeItem(keyOf(userId, assignmentId));
  } catch {
    // Nothing was kept where storage is off.
  }
}

/**
 * Drop a draft that carried an entry, unless something newer took its place.
 *
 * @param {Entry} entry
 */
export function dropPending({ account, assignmentId, key }) {
  if (readDraft(account, assignmentId)?.pending?.key === key) dropDraft(account, assignmentId);
}

/**
 * What was submitted and did not reach the queue before its page was closed.
 *
 * @param {string} userId
 * @returns {Entry[]}
 */
export function pendingDrafts(userId) {
  const own = keyOf(userId, "");
  /** @type {string[]} */
  let keys = [];
  try {
    keys = Object.keys(localStorage).filter((key) => key.startsWith(own));
  } catch {
    return [];
  }
  return keys.flatMap((key) => {
    const pending = readDraft(userId, key.slice(own.length))?.pending;
    return pending ? [pending] : [];
  });
}

/**
 * @param {string | null} text of a draft
 * @returns {boolean}
 */
function carriesEntry(text) {
  try {
    return Boolean(JSON.parse(text ?? "{}").pending);
  } catch {
    return false;
  }
}

/** Forget every draft in this browser, on signing out, but for what was submitted and is kept nowhere else. */
export function forgetDrafts() {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX) && !carriesEntry(localStorage.getItem(key))) localStorage.removeItem(key);
    }
  } catch {
    // Nothing was kept where storage is off.
  }
}

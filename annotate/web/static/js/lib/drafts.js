// Drafts of answers, kept in this browser. Answers only, never content. One entry per person and assignment.

const PREFIX = "touchstone.draft.";

/** @typedef {import("../label/types.js").Answers} Answers */
/** @typedef {{ action: "submit" | "revise", body: Record<string, unknown> }} Pending what was being sent when the page was left */
/** @typedef {{ answers: Answers, annotationId: string, revision: number, savedAt: number, pending?: Pending }} Draft */

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
 * Drafts that were being sent when their page was closed.
 *
 * @param {string} userId
 * @returns {{ assignmentId: string, draft: Draft }[]}
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
    const assignmentId = key.slice(own.length);
    const draft = readDraft(userId, assignmentId);
    return draft?.pending ? [{ assignmentId, draft }] : [];
  });
}

/** Forget every draft in this browser: on signing out. */
export function forgetDrafts() {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX)) localStorage.removeItem(key);
    }
  } catch {
    // Nothing was kept where storage is off.
  }
}

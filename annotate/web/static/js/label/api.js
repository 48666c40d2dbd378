// Talking to the API. An answer of the server is an ApiError when it refuses; a TypeError of fetch means that the network is away.

/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").Assignment} Assignment */
/** @typedef {import("./types.js").Problem} Problem */

/** @typedef {{ assignment: Assignment | null, reason: string | null, retry_after?: number }} Claimed */
/** @typedef {{ annotation_id: string, revision: number, replayed?: boolean }} Stored */

export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {Problem[]} problems
   */
  constructor(status, code, message, problems) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.problems = problems;
  }
}

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/**
 * Whether a refusal may pass by itself: the server is overloaded or being restarted.
 *
 * @param {unknown} error
 * @returns {boolean}
 */
export function isPassing(error) {
  return error instanceof TypeError
    || (error instanceof ApiError && [408, 425, 429, 502, 503, 504].includes(error.status));
}

/** @param {number} milliseconds */
export function pause(milliseconds) {
  return new Promise((done) => { setTimeout(done, milliseconds); });
}

/**
 * Wait for the moment of the next try, or for the network to come back, whichever is first.
 *
 * @param {number} milliseconds
 */
function pauseOrOnline(milliseconds) {
  return Promise.race([
    pause(milliseconds),
    new Promise((done) => { addEventListener("online", done, { once: true }); }),
  ]);
}

/**
 * Try until the server has answered. Safe only for requests that carry their own key.
 *
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {(tries: number) => void} onWait told before each wait
 * @returns {Promise<T>}
 */
export async function persistently(attempt, onWait) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error)) throw error;
      onWait(tries + 1);
      await pauseOrOnline(Math.min(FIRST_WAIT * 2 ** tries, LONGEST_WAIT) * (0.75 + Math.random() / 2));
    }
  }
}

export class Api {
  /**
   * @param {string} base
   * @param {string} csrf
   */
  constructor(base, csrf) {
    this.base = base;
    this.csrf = csrf;
    /** Server time minus our time, in milliseconds, from the last answer. */
    this.skew = 0;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async call(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (method !== "GET") headers["X-CSRF-Token"] = this.csrf;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(this.base + path, {
      method, headers, credentials: "same-origin", body: body === undefined ? null : JSON.stringify(body),
    });
    const date = Date.parse(answer.headers.get("Date") ?? "");
    if (!Number.isNaN(date)) this.skew = date - Date.now();
    const data = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
    if (answer.ok) return data;
    const error = data?.error ?? {};
    throw new ApiError(answer.status, error.code ?? "refused", error.message ?? answer.statusText, error.problems ?? []);
  }

  /**
   * @param {string} roundId
   * @returns {Promise<Claimed>}
   */
  claim(roundId) {
    return this.call("POST", `/rounds/${encodeURIComponent(roundId)}/claim`, {});
  }

  /** @param {string} id */
  rubric(id) {
    return this.call("GET", `/rubric-versions/${encodeURIComponent(id)}`);
  }

  /**
   * @param {string} id
   * @returns {Promise<Assignment>}
   */
  async assignment(id) {
    return (await this.call("GET", `/assignments/${encodeURIComponent(id)}`)).assignment;
  }

  /**
   * @param {string} roundId
   * @param {string} [before]
   */
  mine(roundId, before) {
    const query = before ? `?before=${encodeURIComponent(before)}` : "";
    return this.call("GET", `/rounds/${encodeURIComponent(roundId)}/mine${query}`);
  }

  /**
   * @param {string} id assignment
   * @param {"heartbeat" | "skip" | "opt-out" | "report" | "submit" | "revise"} action
   * @param {Record<string, unknown>} body
   */
  act(id, action, body) {
    return this.call("POST", `/assignments/${encodeURIComponent(id)}/${action}`, body);
  }
}

// Talking to the API. An answer of the server is an ApiError when it refuses; a TypeError of fetch means that the network is away.

/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").Assignment} Assignment */
/** @typedef {import("./types.js").Problem} Problem */

/** @typedef {{ assignment: Assignment | null, reason: string | null, retry_after?: number, enough?: string | null }} Claimed */
/** @typedef {{ id: string, state: string, fence: number, revision: number, expires_at: string }} Standing */
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
/** A connection that was cut without a word answers never. */
const PATIENCE = 20_000;

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

/**
 * How long to wait before a try: longer each time, and never in step with everybody else.
 *
 * @param {number} tries that failed so far
 * @returns {number} milliseconds
 */
export function waitAfter(tries) {
  return Math.min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT) * (0.75 + Math.random() / 2);
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
      await pauseOrOnline(waitAfter(tries + 1));
    }
  }
}

/**
 * @template T
 * @param {Promise<T>} answer
 * @returns {Promise<T>} fails with a TypeError, as fetch does, also when no answer came in time, or none that is whole
 */
async function reached(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof DOMException && error.name === "TimeoutError")) throw new TypeError(error.message);
    throw error;
  }
}

export class Api {
  /**
   * @param {string} base
   * @param {string} csrf
   * @param {string} account whom the page was served to; the server refuses when somebody else is signed in by now
   */
  constructor(base, csrf, account) {
    this.base = base;
    this.csrf = csrf;
    this.account = account;
    /** Server time minus our time, in milliseconds, from the last answer. */
    this.skew = 0;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {{ signal?: AbortSignal, keepalive?: boolean }} [how]
   * @returns {Promise<any>}
   */
  async call(method, path, body, { signal, keepalive = false } = {}) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json", "X-Touchstone-Account": this.account };
    if (method !== "GET") headers["X-CSRF-Token"] = this.csrf;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await reached(fetch(this.base + path, {
      method, headers, credentials: "same-origin", body: body === undefined ? null : JSON.stringify(body), keepalive,
      signal: signal ?? (keepalive ? null : AbortSignal.timeout(PATIENCE)),
    }));
    const date = Date.parse(answer.headers.get("Date") ?? "");
    if (!Number.isNaN(date)) this.skew = date - Date.now();
    const data = answer.headers.get("Content-Type")?.includes("json") ? await reached(answer.json()) : null;
    // A gateway that wants its terms accepted says 200, too. The server is out of reach then.
    if (answer.ok && data === null) throw new TypeError("this is no answer of the server");
    if (answer.ok) return data;
    const error = data?.error ?? {};
    throw new ApiError(answer.status, error.code ?? "refused", error.message ?? answer.statusText, error.problems ?? []);
  }

  /**
   * @param {string} roundId
   * @param {string[]} have what the page has in its hands
   * @returns {Promise<Claimed>}
   */
  claim(roundId, have) {
    return this.call("POST", `/rounds/${encodeURIComponent(roundId)}/claim`, { have });
  }

  /**
   * @param {string} roundId
   * @param {number} count
   * @param {string[]} have
   * @returns {Promise<Assignment[]>} places for later
   */
  async claimAhead(roundId, count, have) {
    return (await this.call("POST", `/rounds/${encodeURIComponent(roundId)}/claim`, { prefetch: count, have })).prefetched;
  }

  /**
   * Give places back; sent even while the page goes.
   *
   * @param {string} roundId
   * @param {Assignment[]} places
   */
  release(roundId, places) {
    const fences = Object.fromEntries(places.map(({ id, fence }) => [id, fence]));
    return this.call("POST", `/rounds/${encodeURIComponent(roundId)}/release`, { places: fences }, { keepalive: true });
  }

  /**
   * @param {string[]} ids
   * @returns {Promise<Standing[]>} of those that still stand
   */
  async standing(ids) {
    return (await this.call("GET", `/assignments/state?ids=${ids.join(",")}`)).assignments;
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
   * @param {AbortSignal} [signal]
   */
  act(id, action, body, signal) {
    return this.call("POST", `/assignments/${encodeURIComponent(id)}/${action}`, body, signal ? { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]) } : {});
  }
}

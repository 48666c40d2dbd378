// Keeping the place on an item while somebody is at work on it.
import { ApiError, isPassing } from "./api.js";

/** @typedef {import("./types.js").Assignment} Assignment */

const SHORTEST_BEAT = 5000;
/** After a refusal that somebody has to mend: a fault of the server, or a sign-in that is over. */
const LATER = 30_000;
/** Without any input for this long nobody is at work, and the place goes back when its lease ends. */
const AWAY_AFTER = 15 * 60_000;

export class Lease {
  /**
   * @param {import("./api.js").Api} api
   * @param {() => Assignment[]} others places that are kept with this one
   * @param {() => void} onLost
   * @param {(error: ApiError) => void} onSignedOut
   */
  constructor(api, others, onLost, onSignedOut) {
    this.api = api;
    this.others = others;
    this.onLost = onLost;
    this.onSignedOut = onSignedOut;
    /** @type {Assignment | null} */
    this.held = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.lastInput = Date.now();
    this.missed = false;
    for (const kind of ["keydown", "pointerdown", "scroll", "visibilitychange"]) {
      addEventListener(kind, () => this.#noteInput(), { capture: true, passive: true });
    }
  }

  /** @param {Assignment} assignment */
  hold(assignment) {
    this.release();
    this.held = assignment;
    this.lastInput = Date.now();
    this.#plan(assignment.expires_at);
  }

  release() {
    clearTimeout(this.timer);
    this.held = null;
    this.missed = false;
  }

  #noteInput() {
    this.lastInput = Date.now();
    if (this.missed) {
      this.missed = false;
      void this.#beat();
    }
  }

  /** @param {string | null} expiresAt */
  #plan(expiresAt) {
    const left = Date.parse(expiresAt ?? "") - (Date.now() + this.api.skew);
    if (Number.isNaN(left)) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.#beat(), Math.max(left / 3, SHORTEST_BEAT));
  }

  async #beat() {
    const held = this.held;
    if (!held) return;
    if (Date.now() - this.lastInput > AWAY_AFTER) {
      this.missed = true;
      return;
    }
    try {
      const { expires_at: expiresAt } = await this.api.act(held.id, "heartbeat", { fence: held.fence });
      if (this.held === held) this.#plan(expiresAt);
      this.#beatOthers();
    } catch (error) {
      if (this.held !== held) return;
      if (isPassing(error)) {
        this.timer = setTimeout(() => void this.#beat(), SHORTEST_BEAT);
      } else if (error instanceof ApiError && [404, 409, 410].includes(error.status)) {
        this.release();
        this.onLost();
      } else if (error instanceof ApiError) {
        this.timer = setTimeout(() => void this.#beat(), LATER);
        if (error.status === 401) this.onSignedOut(error);
      } else {
        throw error;
      }
    }
  }

  /** What is lost of these is noticed elsewhere. */
  #beatOthers() {
    for (const { id, fence } of this.others()) {
      this.api.act(id, "heartbeat", { fence }).catch((error) => {
        if (!isPassing(error) && !(error instanceof ApiError)) throw error;
      });
    }
  }
}

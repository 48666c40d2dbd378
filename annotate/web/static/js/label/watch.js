// Looks after what the page holds: whether it still stands, and whether another tab shows it, too.
import { ApiError } from "./api.js";

/** @typedef {import("./api.js").Standing} Standing */

/** What is reported elsewhere has to be off this page within two seconds. */
const EVERY = 1500;

export class Watch {
  /**
   * @param {import("./api.js").Api} api
   * @param {{ ids: () => string[], onStanding: (asked: Set<string>, standing: Map<string, Standing>) => void }} handlers
   */
  constructor(api, handlers) {
    this.api = api;
    this.handlers = handlers;
    this.asking = false;
  }

  start() {
    setInterval(() => void this.look(), EVERY);
    for (const kind of ["online", "pageshow"]) addEventListener(kind, () => void this.look());
    document.addEventListener("visibilitychange", () => void this.look());
  }

  async look() {
    const ids = this.handlers.ids();
    if (document.hidden || this.asking || !ids.length) return;
    this.asking = true;
    try {
      const standing = await this.api.standing(ids);
      this.handlers.onStanding(new Set(ids), new Map(standing.map((one) => [one.id, one])));
    } catch (error) {
      // Whatever is wrong here is told by the requests that carry work.
      if (!(error instanceof TypeError) && !(error instanceof ApiError)) throw error;
    } finally {
      this.asking = false;
    }
  }
}

/** Tells the other tabs of the same person what this one shows, and hears it from them. */
export class Tabs {
  /**
   * @param {string} account
   * @param {(assignmentId: string) => void} onShown another tab shows this item
   */
  constructor(account, onShown) {
    this.shown = "";
    this.channel = new BroadcastChannel(`touchstone.label.${account}`);
    this.channel.onmessage = ({ data }) => {
      if (typeof data?.shows !== "string") return;
      onShown(data.shows);
      if (data.shows === this.shown && !data.answer) this.channel.postMessage({ shows: this.shown, answer: true });
    };
  }

  /** @param {string} assignmentId '' for none */
  show(assignmentId) {
    this.shown = assignmentId;
    if (assignmentId) this.channel.postMessage({ shows: assignmentId, answer: false });
  }
}

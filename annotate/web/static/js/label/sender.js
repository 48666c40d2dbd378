// Sends what the queue holds, one entry after the other, until the server has answered each.
import { painted } from "../lib/dom.js";
import { dropPending } from "../lib/drafts.js";
import { ApiError, isPassing, waitAfter } from "./api.js";

/** @typedef {import("../lib/queue.js").Entry} Entry */
/** @typedef {import("./api.js").Stored} Stored */

/**
 * @typedef {object} SenderHandlers
 * @property {() => void} onChange the entries or the state of sending changed
 * @property {(entry: Entry) => void} onSaved the server has it
 * @property {(entry: Entry) => void} onRefused
 * @property {(error: ApiError) => void} onSignedOut nothing can be sent until its owner is signed in
 */

export class Sender {
  /**
   * @param {import("./api.js").Api} api
   * @param {import("../lib/queue.js").Queue} queue
   * @param {SenderHandlers} handlers
   */
  constructor(api, queue, handlers) {
    this.api = api;
    this.queue = queue;
    this.handlers = handlers;
    /** @type {Entry[]} */
    this.entries = [];
    /** Entries that are not on the disk yet: they are sent when they are. */
    this.fresh = /** @type {Map<string, Entry>} */ (new Map());
    /** Entries that are done with and still on the disk. */
    this.gone = /** @type {Set<string>} */ (new Set());
    this.running = false;
    this.tries = 0;
    /** @type {{ key: string, stop: AbortController } | null} */
    this.flight = null;
    this.wakeUp = () => {};
    this.tabs = new BroadcastChannel(`touchstone.queue.${queue.account}`);
    this.tabs.onmessage = () => void this.#reload();
    addEventListener("online", () => this.wake());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.wake(); });
  }

  /** @returns {Entry[]} */
  get waiting() {
    return this.entries.filter(({ refused }) => refused === null);
  }

  /** @returns {Entry[]} */
  get refused() {
    return this.entries.filter(({ refused }) => refused !== null);
  }

  /** Whether sending failed and is tried again later. */
  get stuck() {
    return this.tries > 0;
  }

  /** Look at what is left from before, and send it. */
  async start() {
    await this.look();
    this.wake();
  }

  /** @returns {Promise<number>} how many annotations are not on the server */
  async look() {
    await this.queue.adopt();
    await this.#reload();
    return this.entries.length;
  }

  /**
   * Send once what can be sent.
   *
   * @returns {Promise<number>} how many are left
   */
  async sendNow() {
    await this.#pass();
    return this.entries.length;
  }

  /**
   * Keep an entry and send it. Its draft carries it until it is on the disk.
   *
   * @param {Entry} entry
   */
  async add(entry) {
    this.fresh.set(entry.key, entry);
    this.entries = [...this.entries, entry];
    await painted();
    this.handlers.onChange();
    if (!this.fresh.has(entry.key)) return;
    const kept = await this.queue.put(entry);
    if (!this.fresh.delete(entry.key)) return;
    if (kept) dropPending(entry);
    this.#tell();
    this.wake();
  }

  /**
   * Forget an entry.
   *
   * @param {string} key
   */
  async dismiss(key) {
    this.fresh.delete(key);
    this.entries = this.entries.filter((entry) => entry.key !== key);
    this.handlers.onChange();
    await this.#remove(key);
    this.#tell();
  }

  /** @param {string} key */
  async #remove(key) {
    this.gone.add(key);
    await this.queue.remove(key);
    this.gone.delete(key);
  }

  /**
   * Take an entry back that was not acknowledged. A request that is under way is broken off; whether it arrived is found out later.
   *
   * @param {string} key
   * @returns {Promise<Entry | null>} null when the server has it
   */
  async takeBack(key) {
    const entry = this.entries.find((one) => one.key === key && one.refused === null);
    if (!entry) return null;
    if (this.flight?.key === key) this.flight.stop.abort();
    await this.dismiss(key);
    return entry;
  }

  /**
   * Send a refused entry once more.
   *
   * @param {Entry} entry
   */
  async again(entry) {
    const open = { ...entry, refused: null };
    this.entries = this.entries.map((one) => (one.key === entry.key ? open : one));
    await this.queue.put(open);
    this.handlers.onChange();
    this.wake();
  }

  /** Try now, whatever the wait was to be. */
  wake() {
    this.wakeUp();
    if (!this.running) void this.#run();
  }

  async #run() {
    this.running = true;
    try {
      while (this.waiting.some(({ key }) => !this.fresh.has(key))) {
        if (await this.#pass()) {
          this.tries = 0;
        } else {
          this.tries += 1;
          this.handlers.onChange();
          await new Promise((done) => {
            const timer = setTimeout(done, waitAfter(this.tries));
            this.wakeUp = () => { clearTimeout(timer); done(null); };
          });
        }
      }
    } finally {
      this.running = false;
      this.wakeUp = () => {};
      this.handlers.onChange();
    }
  }

  /**
   * Send until nothing is left or the server is out of reach. One tab at a time does this.
   *
   * @returns {Promise<boolean>} whether the server was in reach
   */
  #pass() {
    const send = async () => {
      for (;;) {
        await this.#reload();
        const next = this.waiting.find(({ key }) => !this.fresh.has(key));
        if (!next) return true;
        if (!await this.#send(next)) return false;
      }
    };
    return navigator.locks ? navigator.locks.request(`touchstone.queue.${this.queue.account}`, send) : send();
  }

  /**
   * @param {Entry} entry
   * @returns {Promise<boolean>} whether the server was in reach
   */
  async #send(entry) {
    const stop = new AbortController();
    this.flight = { key: entry.key, stop };
    try {
      await this.api.act(entry.assignmentId, entry.action, entry.body, stop.signal);
    } catch (error) {
      if (stop.signal.aborted) return true;
      if (isPassing(error)) return false;
      if (!(error instanceof ApiError)) throw error;
      return this.#refuse(entry, error);
    } finally {
      this.flight = null;
    }
    this.tries = 0;
    await this.#saved(entry);
    return true;
  }

  /** @param {Entry} entry */
  async #saved(entry) {
    this.entries = this.entries.filter(({ key }) => key !== entry.key);
    await this.#remove(entry.key);
    dropPending(entry);
    this.handlers.onSaved(entry);
    this.handlers.onChange();
    this.#tell();
  }

  /**
   * @param {Entry} entry
   * @param {ApiError} error
   * @returns {Promise<boolean>}
   */
  async #refuse(entry, error) {
    if (error.status === 401) {
      this.handlers.onSignedOut(error);
      return false;
    }
    const before = error.status === 409 ? await this.#storedBefore(entry) : null;
    if (before === "away") return false;
    if (before) {
      entry.action = "revise";
      entry.body = { annotation_id: entry.key, base_revision: before.revision, answers: entry.body["answers"] };
      entry.former = [];
      await this.queue.put(entry);
      return true;
    }
    const { status, code, message, problems } = error;
    entry.refused = { status, code, message, problems };
    await this.queue.put(entry);
    this.entries = this.entries.map((one) => (one.key === entry.key ? entry : one));
    this.handlers.onRefused(entry);
    this.handlers.onChange();
    this.#tell();
    return true;
  }

  /**
   * What was taken back may have arrived after all: asked again under its own key, the server says so. Then the entry is a change of it.
   *
   * @param {Entry} entry
   * @returns {Promise<Stored | null | "away">}
   */
  async #storedBefore(entry) {
    for (const body of entry.former) {
      try {
        return await this.api.act(entry.assignmentId, "fence" in body ? "submit" : "revise", body);
      } catch (error) {
        if (isPassing(error)) return "away";
        if (!(error instanceof ApiError)) throw error;
      }
    }
    return null;
  }

  /** Read what the browser holds: another tab may have sent or added something. */
  async #reload() {
    const before = this.entries;
    const kept = (await this.queue.all()).filter(({ key }) => !this.gone.has(key));
    const held = new Set(kept.map(({ key }) => key));
    const fresh = [...this.fresh.values()].filter(({ key }) => !held.has(key));
    this.entries = [...kept, ...fresh];
    for (const entry of before) {
      if (!held.has(entry.key) && !this.fresh.has(entry.key) && !this.gone.has(entry.key) && !entry.refused) this.handlers.onSaved(entry);
    }
    this.handlers.onChange();
  }

  #tell() {
    this.tabs.postMessage("changed");
  }
}

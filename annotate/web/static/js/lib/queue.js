// Answers that wait to be sent, kept in this browser until the server has them: answers, never content. Entries are found by
// account and origin, so that whoever signs in here next neither sees nor sends them.
import { dropPending, pendingDrafts } from "./drafts.js";

/** @typedef {import("../label/types.js").Answers} Answers */
/** @typedef {import("../label/types.js").Problem} Problem */
/** @typedef {{ status: number, code: string, message: string, problems: Problem[] }} Refusal */

/**
 * One annotation on its way.
 *
 * @typedef {object} Entry
 * @property {string} key the annotation's id, minted when the form opened
 * @property {string} account
 * @property {string} origin
 * @property {string} assignmentId
 * @property {string} roundId
 * @property {string} rubricVersionId
 * @property {string} itemId
 * @property {string} itemName
 * @property {"submit" | "revise"} action
 * @property {Record<string, unknown>} body what is sent
 * @property {Answers} answers as the page holds them, to open the item again
 * @property {Record<string, unknown>[]} former bodies that were taken back after they may have arrived
 * @property {number} at when it was submitted
 * @property {Refusal | null} refused
 */

const NAME = "touchstone";
const STORE = "queue";
const BY_OWNER = "owner";
const VERSION = 1;

/** @returns {Promise<IDBDatabase>} */
function opened() {
  return new Promise((done, failed) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "key" }).createIndex(BY_OWNER, ["origin", "account"]);
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      done(request.result);
    };
    request.onerror = () => failed(request.error);
    request.onblocked = () => failed(new DOMException("another version is open", "InvalidStateError"));
  });
}

export class Queue {
  /** @param {string} account */
  constructor(account) {
    this.account = account;
    /** Entries that this browser would not keep. They are sent from here, and lost with the page. */
    this.loose = /** @type {Map<string, Entry>} */ (new Map());
    /** What is on the disk, as far as this page knows. */
    this.kept = /** @type {Map<string, Entry>} */ (new Map());
    /** What was removed and may still be on the disk, because that failed. */
    this.removed = /** @type {Set<string>} */ (new Set());
    /** @type {Promise<IDBDatabase | null> | null} */
    this.database = null;
  }

  #open() {
    this.database ??= opened().catch((error) => {
      if (error instanceof DOMException || error instanceof ReferenceError || error instanceof TypeError) return null;
      throw error;
    });
    return this.database;
  }

  /** The browser closed what it kept, and perhaps threw it away: what this page knows of it is sent from here. */
  #lost() {
    for (const [key, entry] of this.kept) this.loose.set(key, this.loose.get(key) ?? entry);
    this.kept.clear();
    this.database = null;
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest<T>} act
   * @returns {Promise<T | undefined>} undefined where this browser keeps nothing
   */
  async #within(mode, act) {
    try {
      return await this.#once(mode, act);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "InvalidStateError") throw error;
      this.#lost();
      return this.#once(mode, act);
    }
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest<T>} act
   * @returns {Promise<T | undefined>}
   */
  async #once(mode, act) {
    const database = await this.#open();
    if (!database) return undefined;
    return new Promise((done, failed) => {
      const work = database.transaction(STORE, mode, { durability: "strict" });
      const request = act(work.objectStore(STORE));
      work.oncomplete = () => done(request.result);
      work.onabort = () => failed(work.error ?? new DOMException("it was broken off", "AbortError"));
    });
  }

  /**
   * Keep an entry. It is on the disk when this is done.
   *
   * @param {Entry} entry
   * @returns {Promise<boolean>} whether the browser kept it; if not, it lives as long as the page
   */
  async put(entry) {
    this.loose.set(entry.key, entry);
    this.removed.delete(entry.key);
    try {
      const kept = await this.#within("readwrite", (store) => store.put(entry));
      if (kept === undefined) return false;
    } catch (error) {
      if (error instanceof DOMException) return false;
      throw error;
    }
    this.loose.delete(entry.key);
    this.kept.set(entry.key, entry);
    return true;
  }

  /** @param {string} key */
  async remove(key) {
    this.loose.delete(key);
    this.kept.delete(key);
    this.removed.add(key);
    try {
      await this.#within("readwrite", (store) => store.delete(key));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return; // the next page sends it once more, and the server knows it by its key
    }
    this.loose.delete(key);
    this.removed.delete(key);
  }

  /** @returns {Promise<Entry[]>} */
  async #onDisk() {
    const owner = [location.origin, this.account];
    try {
      return await this.#within("readonly", (store) => store.index(BY_OWNER).getAll(owner)) ?? [];
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return [...this.kept.values()];
    }
  }

  /** @returns {Promise<Entry[]>} one's own, in the order in which they were submitted */
  async all() {
    const kept = (await this.#onDisk()).filter(({ key }) => !this.removed.has(key));
    this.kept = new Map(kept.map((entry) => [entry.key, entry]));
    const known = new Map([...this.kept, ...this.loose]);
    return [...known.values()].sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1));
  }

  /** Take over what was submitted in a page that closed before its entry was on the disk. */
  async adopt() {
    for (const pending of pendingDrafts(this.account)) {
      if (pending.origin !== location.origin || pending.account !== this.account) continue;
      if (await this.put(pending)) dropPending(pending);
    }
  }
}

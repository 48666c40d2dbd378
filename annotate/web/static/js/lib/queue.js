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
    /** @type {Promise<IDBDatabase | null> | null} */
    this.database = null;
  }

  #open() {
    this.database ??= opened().catch((error) => {
      if (error instanceof DOMException || error instanceof ReferenceError) return null;
      throw error;
    });
    return this.database;
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest<T>} act
   * @returns {Promise<T | undefined>} undefined where this browser keeps nothing
   */
  async #within(mode, act) {
    const database = await this.#open();
    if (!database) return undefined;
    return new Promise((done, failed) => {
      const work = database.transaction(STORE, mode, { durability: "strict" });
      const request = act(work.objectStore(STORE));
      work.oncomplete = () => done(request.result);
      work.onabort = () => failed(work.error);
      work.onerror = () => failed(work.error);
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
    try {
      const kept = await this.#within("readwrite", (store) => store.put(entry));
      if (kept === undefined) return false;
    } catch (error) {
      if (error instanceof DOMException) return false;
      throw error;
    }
    this.loose.delete(entry.key);
    return true;
  }

  /** @param {string} key */
  async remove(key) {
    this.loose.delete(key);
    await this.#within("readwrite", (store) => store.delete(key));
  }

  /** @returns {Promise<Entry[]>} one's own, in the order in which they were submitted */
  async all() {
    const owner = [location.origin, this.account];
    const kept = await this.#within("readonly", (store) => store.index(BY_OWNER).getAll(owner)) ?? [];
    const known = new Map([...kept, ...this.loose.values()].map((/** @type {Entry} */ entry) => [entry.key, entry]));
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

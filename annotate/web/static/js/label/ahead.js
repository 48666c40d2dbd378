// The next items, fetched while the person reads: places of their own, given back when the page goes. Records only, never media.
import { ApiError, isPassing } from "./api.js";

/** @typedef {import("./types.js").Assignment} Assignment */
/** @typedef {import("./api.js").Standing} Standing */

const MOST = 2;
/** After the server had less than was asked for. */
const REST = 15_000;
/** After it was out of reach. */
const SHORT_REST = 2000;

export class Ahead {
  /**
   * @param {import("./api.js").Api} api
   * @param {string} roundId
   * @param {() => string[]} inHand what the page holds beside these
   * @param {(count: number) => void} onChange
   */
  constructor(api, roundId, inHand, onChange) {
    this.api = api;
    this.onChange = onChange;
    this.roundId = roundId;
    this.inHand = inHand;
    /** @type {Assignment[]} */
    this.places = [];
    /** Those that were open before and have a draft: they are kept when the page goes. */
    this.shown = /** @type {Set<string>} */ (new Set());
    /** @type {Promise<void> | null} */
    this.filling = null;
    this.restUntil = 0;
    addEventListener("pagehide", () => this.giveBack());
  }

  /** @returns {Assignment | null} the next item, if it is here */
  take() {
    const place = this.places.shift() ?? null;
    if (place) this.shown.delete(place.id);
    this.onChange(this.places.length);
    return place;
  }

  /**
   * Put an item back in front: another one goes first.
   *
   * @param {Assignment} assignment
   */
  putBack(assignment) {
    this.places.unshift(assignment);
    this.shown.add(assignment.id);
  }

  /** @param {string} id of an item that is open in another tab */
  drop(id) {
    this.places = this.places.filter((one) => one.id !== id);
  }

  /**
   * Leave out what is no longer there.
   *
   * @param {Set<string>} asked
   * @param {Map<string, Standing>} standing
   */
  keep(asked, standing) {
    this.places = this.places.filter(({ id, fence }) => {
      const now = standing.get(id);
      return !asked.has(id) || (now?.state === "leased" && now.fence === fence);
    });
  }

  /** Fetch what is missing, if it is not being fetched. */
  fill() {
    if (this.places.length >= MOST || Date.now() < this.restUntil) return Promise.resolve();
    this.filling ??= this.#fetch().finally(() => { this.filling = null; });
    return this.filling;
  }

  async #fetch() {
    const wanted = MOST - this.places.length;
    /** @type {Assignment[]} */
    let given = [];
    let rest = REST;
    try {
      given = await this.api.claimAhead(this.roundId, wanted, [...this.inHand(), ...this.places.map(({ id }) => id)]);
    } catch (error) {
      // The claim of the next item meets the same obstacle and tells of it.
      if (!isPassing(error) && !(error instanceof ApiError)) throw error;
      rest = SHORT_REST;
    }
    if (given.length < wanted) this.restUntil = Date.now() + rest;
    const known = new Set([...this.inHand(), ...this.places.map(({ id }) => id)]);
    this.places.push(...given.filter(({ id }) => !known.has(id)));
    this.onChange(this.places.length);
  }

  /** Give back what was never shown. The end of the leases does it where this does not arrive. */
  giveBack() {
    const places = this.places.splice(0).filter(({ id }) => !this.shown.has(id));
    if (places.length) this.api.release(this.roundId, places).catch(() => {});
  }
}

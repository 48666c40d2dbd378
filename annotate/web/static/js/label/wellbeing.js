// Looks after the person: tells the server what was shown, offers breaks, shows support. Counts nothing on screen.
import { fill, h, icon, must, painted } from "../lib/dom.js";
import { ApiError, persistently } from "./api.js";
import { care } from "./care.js";
import { ask } from "./dialogs.js";
import { banner, clearBanner } from "./notices.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").Assignment} Assignment */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {"time" | "severity"} Offer */
/** @typedef {"text" | "image" | "audio" | "video"} Medium */

/** Whoever gave no answer for this long was away, and begins anew. */
const AWAY = 15 * 60_000;
const MINUTE = 60_000;
const STORE = "touchstone.at-work.";

/**
 * How severe an annotation says its item is, from 0 on; what lies below zero counts by how far.
 *
 * @param {Rubric} rubric
 * @param {Answers} answers
 * @returns {number}
 */
export function severityOf(rubric, answers) {
  const steps = new Set(rubric.categories.flatMap(({ severity_anchors: anchors }) => Object.keys(anchors ?? {})));
  const question = rubric.questions.find(({ id, type, options }) => type === "ordinal" && (id === "severity" || options.some((one) => steps.has(one.id))));
  if (!question) return 0;
  const sign = question.options.some(({ code }) => Number(code ?? 0) < 0) ? -1 : 1;
  const codes = new Map(question.options.map(({ id, code }) => [id, sign * Number(code ?? 0)]));
  const given = valuesIn(/** @type {Record<string, unknown>} */ (answers)[question.id]);
  return Math.max(0, ...given.map((value) => codes.get(value) ?? 0));
}

/**
 * @param {unknown} answer of a question, or of each category
 * @returns {string[]}
 */
function valuesIn(answer) {
  if (typeof answer !== "object" || answer === null) return [];
  if ("value" in answer) return [String(answer.value)];
  return Object.values(answer).flatMap(valuesIn);
}

/**
 * The medium of a part: a turn's words, or a file of it (`message:1/media:0`).
 *
 * @param {import("./types.js").Item} item
 * @param {string} part
 * @returns {Medium}
 */
export function mediumOf({ body }, part) {
  const [target, index] = part.split("/media:");
  if (index === undefined) return "text";
  const type = body.media?.filter((one) => one.target === target)[Number(index)]?.type ?? "";
  return type.startsWith("video/") ? "video" : type.startsWith("audio/") ? "audio" : "image";
}

export class Wellbeing {
  /**
   * @param {HTMLElement} root
   * @param {import("./api.js").Api} api
   * @param {{ takeBreak: (reason: string) => void, optOut: () => void, hide: () => void, back: () => void }} page
   */
  constructor(root, api, page) {
    this.api = api;
    this.page = page;
    this.project = document.getElementById("care")?.dataset["project"] ?? "";
    this.store = STORE + (root.dataset["userId"] ?? "");
    /** @type {Assignment | null} */
    this.place = null;
    /** Media of the item at hand that the server knows to have been shown. */
    this.told = /** @type {Set<string>} */ (new Set());
    this.weighs = false;
    /** @type {Offer | null} */
    this.offer = null;
  }

  /**
   * An item lies on the desk.
   *
   * @param {Assignment} place
   * @param {Rubric} rubric
   * @param {{ concealed: boolean, revising: boolean }} how
   */
  shown(place, rubric, { concealed, revising }) {
    this.place = revising ? null : place;
    this.told.clear();
    this.weighs = rubric.categories.some(({ exposure_weight: weight }) => (weight ?? 0) > 0);
    if (!concealed) this.#tellAll(place);
    const offer = this.offer;
    this.offer = null;
    if (offer) this.#offerBreak(offer);
  }

  /** @param {Assignment} place whose content lies open */
  #tellAll({ item: { body } }) {
    this.tell("text");
    const seen = new Map();
    for (const { target } of body.media ?? []) {
      const index = seen.get(target) ?? 0;
      seen.set(target, index + 1);
      this.tell(`${target}/media:${index}`);
    }
  }

  /**
   * Something of the item was revealed: the server is told once for each medium.
   *
   * @param {string} part
   */
  tell(part) {
    const { place } = this;
    if (!place || !this.weighs) return;
    const modality = mediumOf(place.item, part);
    if (this.told.has(modality)) return;
    this.told.add(modality);
    const body = { parts: [part], modality };
    painted().then(() => persistently(() => this.api.call("POST", `/assignments/${encodeURIComponent(place.id)}/exposure`, body), () => undefined)).catch((error) => {
      if (!(error instanceof ApiError)) throw error;
    });
  }

  /**
   * Answers were handed in: perhaps it is time for a break, or the item was severe.
   *
   * @param {Rubric} rubric
   * @param {Answers} answers
   */
  handedIn(rubric, answers) {
    const now = Date.now();
    const { since, last } = this.#atWork(now);
    const began = now - last > AWAY ? now : since;
    const severe = severityOf(rubric, answers) >= care().break_severity;
    const long = now - began >= care().break_minutes * MINUTE;
    void painted().then(() => this.#note(long ? now : began, now));
    if (severe) this.offer = "severity";
    else if (long) this.offer = "time";
  }

  /**
   * @param {number} now
   * @returns {{ since: number, last: number }}
   */
  #atWork(now) {
    try {
      const kept = JSON.parse(localStorage.getItem(this.store) ?? "{}");
      return { since: Number(kept.since ?? now), last: Number(kept.last ?? now) };
    } catch {
      return { since: now, last: now };
    }
  }

  /**
   * @param {number} since
   * @param {number} last
   */
  #note(since, last) {
    try {
      localStorage.setItem(this.store, JSON.stringify({ since, last }));
    } catch {
      // Without storage a break is offered by severity alone.
    }
  }

  /** @param {Offer} offer */
  #offerBreak(offer) {
    banner("caution", t(`careOffer-${offer}`), t("careOfferBody"), [
      { text: t("careTakeBreak"), act: () => { clearBanner(); this.page.takeBreak(offer); } },
      { text: t("careNotNow"), act: () => { clearBanner(); this.page.back(); }, kind: "quiet" },
    ], { focus: false });
  }

  /**
   * Note a break as paid time; only the person sees it. A break is not held up by a server that is away.
   *
   * @param {string} [reason]
   */
  async breakBegins(reason = "own") {
    await this.#breaks("", { reason });
  }

  async breakEnds() {
    this.#note(Date.now(), Date.now());
    await this.#breaks("/end");
  }

  /**
   * @param {string} path
   * @param {unknown} [body]
   */
  async #breaks(path, body) {
    if (!this.project) return;
    try {
      await this.api.call("POST", `/projects/${encodeURIComponent(this.project)}/wellbeing/breaks${path}`, body);
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
    }
  }

  /** This got to me: hide the item, show who is there. Nothing is sent. */
  async support() {
    this.page.hide();
    must("#support [value=optout]").hidden = !this.place;
    const chosen = await ask("support");
    if (chosen === "break") this.page.takeBreak("own");
    else if (chosen === "optout") this.page.optOut();
    else this.page.back();
  }

  /**
   * Say in calm words that a budget is spent, and what else there is.
   *
   * @param {string} kind shift, week, category or run
   * @param {{ next: () => void, work: string }} go
   */
  showEnough(kind, { next, work }) {
    this.place = null;
    const known = ["shift", "week", "category", "run"].includes(kind) ? kind : "shift";
    fill(must("#stage-empty"), h("div", {}, h("h1", { tabindex: "-1" }, t(known === "run" ? "enoughRunTitle" : "enoughTitle")), h("p.lede", {}, t(`enough-${known}`))),
      h("ul.why", {},
        h("li", {}, icon("check"), h("b", {}, t("enoughNotCounted")), h("span"), h("p", {}, t("enoughNotCountedBody"))),
        h("li", {}, icon("next"), h("b", {}, t("enoughElse")), h("span"), h("p", {}, t("enoughElseBody")))),
      h("div.btn-row", {}, h("a.btn.btn-primary", { href: work }, t("toMyWork")),
        h("button.btn", { type: "button", onclick: () => void this.support() }, t("careSupport")),
        h("button.btn.btn-quiet", { type: "button", onclick: next }, t("lookAgain"))));
    must("#stage-empty h1").focus();
  }
}

// Long conversations: only turns near the window have their words in the page, and any turn is one jump away.
import { fill, h } from "../lib/dom.js";
import { capOf } from "./keys.js";
import { t } from "./texts.js";

/** @typedef {import("./item.js").Turn} Turn */

/**
 * What a long item needs of the view that it belongs to.
 *
 * @typedef {object} View
 * @property {HTMLElement} pane
 * @property {Turn[]} turns
 * @property {Map<string, HTMLElement>} nodes by target
 * @property {Set<string> | null} near targets that have their words in the page; null: all
 * @property {(target: string) => void} paint
 * @property {() => string | null} judged
 */

const MARGIN = 1200;
const LINE = 27;
const PER_LINE = 62;
const MEDIA = 260;

/**
 * How high a turn will be, roughly; what is really there replaces it.
 *
 * @param {Turn} turn
 */
function estimate({ text, media, calls }) {
  const said = [text, ...(calls ?? []).map((call) => call.arguments)].join("\n");
  const lines = said.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / PER_LINE)), 0);
  return lines * LINE + (media?.length ?? 0) * MEDIA;
}

/** @param {Element} node */
function targetOf(node) {
  return node.getAttribute("data-turn") ?? "";
}

/**
 * Room for words that are not there: a drawing without anything in it has the height that its attribute says.
 *
 * @param {number} height
 */
function space(height) {
  const room = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  room.setAttribute("width", "1");
  room.setAttribute("height", String(Math.round(height)));
  room.setAttribute("class", "turn-room");
  room.setAttribute("aria-hidden", "true");
  return room;
}

export class LongItem {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    this.field = document.createElement("input");
    this.bar = this.#makeBar();
    view.pane.before(this.bar);
    this.numbered = view.turns.filter(({ target }) => view.nodes.get(target)?.dataset["number"]);
    this.narrow = matchMedia("(max-width: 62rem)");
    this.watchAgain = () => this.#watch();
    this.noteScroll = () => this.#noteScroll();
    this.ticking = false;
    this.narrow.addEventListener("change", this.watchAgain);
    addEventListener("scroll", this.noteScroll, { capture: true, passive: true });
    for (const turn of view.turns) if (view.near && !view.near.has(turn.target)) this.#reserve(turn.target, estimate(turn));
    /** @type {IntersectionObserver | undefined} */
    this.observer = undefined;
    this.#watch();
    this.#noteScroll();
  }

  /** Stop looking, and take the bar away. */
  end() {
    this.observer?.disconnect();
    this.narrow.removeEventListener("change", this.watchAgain);
    removeEventListener("scroll", this.noteScroll, { capture: true });
    this.bar.remove();
  }

  #watch() {
    this.observer?.disconnect();
    if (!this.view.near) return;
    const root = this.narrow.matches ? null : this.view.pane;
    this.observer = new IntersectionObserver((entries) => this.#noteNear(entries), { root, rootMargin: `${MARGIN}px 0px` });
    for (const node of this.view.nodes.values()) this.observer.observe(node);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #noteNear(entries) {
    const leaving = entries.filter(({ target: node, isIntersecting }) => !isIntersecting && this.view.near?.has(targetOf(node)) && !this.#isInUse(node));
    const heights = leaving.map(({ target: node }) => node.querySelector(".turn-body")?.getBoundingClientRect().height ?? LINE);
    leaving.forEach(({ target: node }, index) => {
      this.view.near?.delete(targetOf(node));
      this.view.paint(targetOf(node));
      this.#reserve(targetOf(node), heights[index] ?? LINE);
    });
    for (const { target: node, isIntersecting } of entries) if (isIntersecting) this.bring(targetOf(node));
  }

  /** @param {Element} node */
  #isInUse(node) {
    const selected = document.getSelection();
    return node.contains(document.activeElement) || Boolean(selected?.rangeCount && !selected.isCollapsed && node.contains(selected.anchorNode))
      || [...node.querySelectorAll("audio, video")].some((one) => one instanceof HTMLMediaElement && !one.paused);
  }

  /**
   * @param {string} target
   * @param {number} height
   */
  #reserve(target, height) {
    const body = this.view.nodes.get(target)?.querySelector(".turn-body");
    if (body) fill(body, space(height));
  }

  /**
   * Put the words of a turn into the page.
   *
   * @param {string} target
   */
  bring(target) {
    if (!this.view.near || this.view.near.has(target)) return;
    this.view.near.add(target);
    this.view.paint(target);
  }

  /**
   * Go to a turn and put the focus there.
   *
   * @param {string} target
   */
  goTo(target) {
    const at = this.view.turns.findIndex((turn) => turn.target === target);
    if (at < 0) return;
    for (const turn of this.view.turns.slice(Math.max(at - 2, 0), at + 8)) this.bring(turn.target);
    const node = this.view.nodes.get(target);
    node?.scrollIntoView({ block: "start" });
    const text = node?.querySelector(".turn-text, .concealed button");
    if (text instanceof HTMLElement) text.focus({ preventScroll: true });
    // What was guessed above it is now measured: stay with the turn while it settles.
    requestAnimationFrame(() => requestAnimationFrame(() => node?.scrollIntoView({ block: "start" })));
  }

  /** Ask for a turn. */
  ask() {
    this.field.focus();
    this.field.select();
  }

  #makeBar() {
    const count = [...this.view.nodes.values()].filter((node) => node.dataset["number"]).length;
    Object.assign(this.field, { type: "number", min: "1", max: String(count), className: "input input-sm", id: "turn-field", inputMode: "numeric" });
    const form = h("form.turn-jump", { "aria-label": t("turns") }, h("label", { for: "turn-field" }, t("turnWord")), this.field, h("span", {}, t("ofTurns", { count })),
      h("button.btn.btn-quiet.btn-sm", { type: "submit" }, t("goToTurn"), " ", h("kbd.key", { "data-key-of": "jump" }, capOf("jump"))),
      h("button.btn.btn-quiet.btn-sm", { type: "button", onclick: () => this.#goToJudged() }, this.view.judged() ? t("goToJudged") : t("goToLast")));
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it goes to the turn, and does not submit the answers
      if (form instanceof HTMLFormElement) form.requestSubmit();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const wanted = Math.min(Math.max(Number(this.field.value) || 1, 1), count);
      const turn = this.numbered[wanted - 1];
      if (turn) this.goTo(turn.target);
    });
    return form;
  }

  #goToJudged() {
    const target = this.view.judged() ?? this.view.turns.at(-1)?.target;
    if (target) this.goTo(target);
  }

  #noteScroll() {
    if (this.ticking) return;
    this.ticking = true;
    requestAnimationFrame(() => {
      this.ticking = false;
      if (document.activeElement !== this.field) this.field.value = String(this.#here());
    });
  }

  /** The number of the turn at the top of the window: the first that ends below it. */
  #here() {
    const top = this.narrow.matches ? this.bar.getBoundingClientRect().bottom : this.view.pane.getBoundingClientRect().top;
    let [low, high] = [0, this.numbered.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      const node = this.view.nodes.get(this.numbered[middle]?.target ?? "");
      if ((node?.getBoundingClientRect().bottom ?? 0) > top + 8) high = middle;
      else low = middle + 1;
    }
    return low + 1;
  }
}

// The words under judgement: turns with their roles, concealed until revealed, and the passages marked in them.
import { fill, h, icon, say } from "../lib/dom.js";
import { countCodePoints, toCodePoint, toUnit } from "./codepoints.js";
import { capOf } from "./keys.js";
import { besideEachOther, responseTurns } from "./responses.js";
import { t, tOr } from "./texts.js";

/** @typedef {import("./types.js").Item} Item */
/** @typedef {import("./types.js").Span} Span */

/**
 * A piece of the item that is shown and may be marked.
 *
 * @typedef {object} Turn
 * @property {string} target text | prompt | response | response:<id> | message:<index>, or "system", which takes no marks
 * @property {string} role
 * @property {string} text
 * @property {string} [name] what it is called instead of its role: one of several responses
 */

/** @typedef {{ span: Span, tag: string }} Mark */

const ROLES = new Set(["system", "user", "assistant", "tool"]);

/**
 * The turns of an item, in order.
 *
 * @param {Item} item
 * @returns {Turn[]}
 */
export function turnsOf({ body }) {
  if (body.messages) {
    const said = body.messages.map(({ role, content }, index) => ({ target: `message:${index}`, role, text: content }));
    return [...said, ...responseTurns(body)];
  }
  /** @type {[string, string, string | undefined][]} */
  const parts = [
    ["system", "system", body.system], ["prompt", "user", body.prompt], ["response", "assistant", body.response],
    ["text", "text", body.text],
  ];
  const said = parts.flatMap(([target, role, text]) => (typeof text === "string" ? [{ target, role, text }] : []));
  return [...said, ...responseTurns(body)];
}

/**
 * The turn that a question's target means.
 *
 * @param {Turn[]} turns
 * @param {string | null | undefined} target
 * @returns {Turn | null}
 */
export function judgedTurn(turns, target) {
  if (target?.startsWith("response:")) return turns.find((turn) => turn.target === target) ?? null;
  if (turns.some(({ name }) => name !== undefined) && target === "response") return null;
  const role = { prompt: "user", response: "assistant" }[target ?? ""];
  if (!role) return target === "text" ? turns.find((turn) => turn.target === "text") ?? null : null;
  return turns.filter((turn) => turn.role === role).at(-1) ?? null;
}

/**
 * Cut a text at the edges of its marks; each piece knows the marks that lie on it.
 *
 * @param {string} text
 * @param {Mark[]} marks
 * @returns {{ text: string, marks: Mark[], ends: Mark[] }[]}
 */
export function pieces(text, marks) {
  const placed = marks.map((mark) => ({ mark, from: toUnit(text, mark.span.start), to: toUnit(text, mark.span.end) }));
  const edges = [...new Set([0, text.length, ...placed.flatMap(({ from, to }) => [from, to])])].sort((a, b) => a - b);
  return edges.slice(0, -1).map((from, index) => {
    const to = edges[index + 1] ?? text.length;
    const on = placed.filter((one) => one.from <= from && one.to >= to);
    return { text: text.slice(from, to), marks: on.map(({ mark }) => mark), ends: on.filter((one) => one.to === to).map(({ mark }) => mark) };
  });
}

/**
 * The words of a text, as a browser finds them for its language.
 *
 * @param {string} text
 * @param {string | undefined} language
 * @returns {{ start: number, end: number }[]}
 */
function wordsOf(text, language) {
  let segmenter;
  try {
    segmenter = new Intl.Segmenter(language, { granularity: "word" });
  } catch {
    segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
  }
  return [...segmenter.segment(text)]
    .filter(({ isWordLike }) => isWordLike)
    .map(({ index, segment }) => ({ start: index, end: index + segment.length }));
}

export class ItemView {
  /**
   * @param {HTMLElement} pane where the turns go
   * @param {{ onReveal: (target: string) => void, onSelect: (selected: Span | null) => void }} handlers
   */
  constructor(pane, handlers) {
    this.pane = pane;
    this.handlers = handlers;
    /** @type {Turn[]} */
    this.turns = [];
    /** @type {Set<string>} */
    this.revealed = new Set();
    this.concealing = false;
    this.holds = false;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {string | null} */
    this.judged = null;
    /** @type {Set<string> | null} targets that some question asks about; null: all */
    this.askedAbout = null;
    /** @type {string | undefined} */
    this.language = undefined;
    /** @type {Span | null} */
    this.selected = null;
    /** @type {{ target: string, anchor: number, focus: number } | null} */
    this.cursor = null;
    document.addEventListener("selectionchange", () => this.#noteSelection());
    this.pane.addEventListener("keydown", (event) => this.#selectByKey(event));
  }

  /**
   * @param {Item} item
   * @param {{ conceal: boolean, hold: boolean, askedAbout: Set<string> | null, notice: string | null }} how
   */
  show(item, { conceal, hold, askedAbout, notice }) {
    this.turns = turnsOf(item);
    this.revealed = new Set();
    this.concealing = conceal;
    this.holds = hold;
    this.askedAbout = askedAbout;
    this.marks = [];
    this.judged = null;
    this.cursor = null;
    this.selected = null;
    this.language = item.language ?? undefined;
    let number = 0;
    fill(
      this.pane,
      conceal && notice ? h("p.notice", {}, icon("eye-off"), notice) : null,
      besideEachOther(this.turns, this.turns.map((turn) => {
        if (turn.role !== "system") number += 1;
        return this.#turn(turn, turn.role === "system" || turn.name !== undefined ? 0 : number);
      })),
      h("p.item-end", {}, this.turns.length > 1 ? t("endOfConversation") : t("endOfItem")),
    );
    for (const turn of this.turns) this.#paint(turn);
    this.pane.scrollTop = 0;
  }

  /** Take every word of the item off the page. */
  clear() {
    this.turns = [];
    this.marks = [];
    this.selected = null;
    fill(this.pane);
  }

  /**
   * @param {Turn} turn
   * @param {number} number
   */
  #turn(turn, number) {
    const kind = ROLES.has(turn.role) ? turn.role : "user";
    const many = this.turns.length > 1;
    return h(`article.turn.turn-${kind}`, { "data-turn": turn.target, "aria-label": this.#nameOf(turn, number) },
      h("div.turn-who", {}, h("b", {}, turn.name ?? tOr(`role-${turn.role}`, turn.role)),
        many && number ? h("span", {}, t("turn", { number })) : null,
        h("span.turn-now-tag", { hidden: true }, t("judgedNow"))),
      h("div.turn-body"));
  }

  /**
   * @param {Turn} turn
   * @param {number} number
   */
  #nameOf(turn, number) {
    const role = turn.name ?? tOr(`role-${turn.role}`, turn.role);
    return number && this.turns.length > 1 ? `${role}, ${t("turn", { number })}` : role;
  }

  /** @param {string} target */
  #node(target) {
    return [...this.pane.querySelectorAll("[data-turn]")].find((node) => node.getAttribute("data-turn") === target);
  }

  /** @param {string} target */
  isShown(target) {
    return !this.concealing || this.revealed.has(target);
  }

  /** @param {Turn} turn */
  #paint(turn) {
    const body = this.#node(turn.target)?.querySelector(".turn-body");
    if (!body) return;
    if (!this.isShown(turn.target)) {
      fill(body, this.#concealed(turn));
      return;
    }
    const marks = this.marks.filter(({ span }) => span.target === turn.target);
    const text = h("div.turn-text", {
      dir: "auto", lang: this.language ?? null, tabindex: "0", "data-text": turn.target, role: "group", "aria-label": t("textOfTurn"),
    }, pieces(turn.text, marks).map((piece) => (piece.marks.length
      ? h(piece.marks.length > 1 ? "mark.span.span-over" : "mark.span", {
        "data-tag": piece.ends.map(({ tag }) => tag).filter(Boolean).join(" ") || null,
        "data-end": piece.ends.length > 0,
      }, piece.text)
      : piece.text)));
    fill(body, text);
  }

  /** @param {Turn} turn */
  #concealed(turn) {
    const words = wordsOf(turn.text, this.language).length;
    const unasked = this.askedAbout !== null && !this.askedAbout.has(turn.target);
    const button = h("button.btn.btn-sm", { type: "button", "data-reveal": turn.target }, icon("eye"), t(this.holds ? "holdToReveal" : "reveal"), " ", h("kbd.key", {}, capOf("reveal")));
    if (this.holds) {
      button.addEventListener("pointerdown", () => this.reveal(turn.target));
    } else {
      button.addEventListener("click", () => this.reveal(turn.target));
    }
    return h("div.concealed", {}, h("div", {}, h("strong", {}, t("concealed")),
      h("p", {}, t("concealedWords", { count: words }), unasked ? ` ${t("unaskedTurn")}` : "")), button);
  }

  /** @param {string} target */
  reveal(target) {
    const turn = this.turns.find((one) => one.target === target);
    if (!turn || this.isShown(target)) return;
    this.revealed.add(target);
    this.#paint(turn);
    if (this.holds) {
      const hide = () => this.hideAll();
      addEventListener("pointerup", hide, { once: true });
      addEventListener("pointercancel", hide, { once: true });
      addEventListener("blur", hide, { once: true });
    } else {
      const text = this.#node(target)?.querySelector(".turn-text");
      if (text instanceof HTMLElement) text.focus();
    }
    this.handlers.onReveal(target);
  }

  /** Reveal the next concealed turn, one that a question asks about first. */
  revealNext() {
    const hidden = this.turns.filter((turn) => !this.isShown(turn.target));
    const next = hidden.find((turn) => this.askedAbout?.has(turn.target) ?? true) ?? hidden[0];
    if (next) this.reveal(next.target);
  }

  /** Hide everything that was revealed, at once. */
  hideAll() {
    const had = this.revealed.size > 0;
    this.revealed.clear();
    this.selected = null;
    for (const turn of this.turns) this.#paint(turn);
    if (had) say(t("allHidden"));
  }

  /** Conceal an item that was shown openly: its reader asked for it. */
  concealAll() {
    this.concealing = true;
    this.hideAll();
    say(t("allHidden"));
  }

  /** @param {Mark[]} marks */
  setMarks(marks) {
    const touched = new Set([...this.marks, ...marks].map(({ span }) => span.target));
    this.marks = marks;
    for (const turn of this.turns) if (touched.has(turn.target)) this.#paint(turn);
  }

  /** @param {string | null | undefined} target of the open question */
  setJudged(target) {
    const judged = this.turns.length > 1 ? judgedTurn(this.turns, target)?.target ?? null : null;
    this.judged = judged;
    for (const node of this.pane.querySelectorAll("[data-turn]")) {
      const now = node.getAttribute("data-turn") === judged;
      node.classList.toggle("turn-now", now);
      const tag = node.querySelector(".turn-now-tag");
      if (tag instanceof HTMLElement) tag.hidden = !now;
    }
  }

  /** @param {1 | -1} step */
  moveTurn(step) {
    const nodes = [...this.pane.querySelectorAll("[data-turn]")];
    const at = nodes.findIndex((node) => node.contains(document.activeElement));
    const next = nodes[at < 0 ? (step > 0 ? 0 : nodes.length - 1) : Math.min(Math.max(at + step, 0), nodes.length - 1)];
    const target = next?.querySelector(".turn-text, .concealed button");
    if (target instanceof HTMLElement) {
      target.focus({ preventScroll: true });
      next?.scrollIntoView({ block: "nearest" });
    }
  }

  #noteSelection() {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || !selection.rangeCount) return;
    const found = this.#spanOf(selection.getRangeAt(0));
    if (found) {
      this.selected = found;
      this.handlers.onSelect(found);
    }
  }

  /** Forget the marked words. */
  clearSelection() {
    this.selected = null;
    this.cursor = null;
    document.getSelection()?.removeAllRanges();
    this.handlers.onSelect(null);
  }

  /**
   * The words that a range selects, in code points; null outside the item or across turns.
   *
   * @param {Range} range
   * @returns {Span | null}
   */
  #spanOf(range) {
    const start = range.startContainer instanceof Element ? range.startContainer : range.startContainer.parentElement;
    const node = start?.closest("[data-text]") ?? null;
    const target = node?.getAttribute("data-text") ?? "";
    const turn = this.turns.find((one) => one.target === target);
    if (!node || !turn || target === "system" || !this.pane.contains(node)) return null;
    const before = document.createRange();
    before.selectNodeContents(node);
    before.setEnd(range.startContainer, range.startOffset);
    const from = before.toString().length;
    const inside = range.cloneRange();
    if (!node.contains(range.endContainer)) inside.setEnd(node, node.childNodes.length);
    return trimmed(turn, from, from + inside.toString().length);
  }

  /**
   * Arrows select words in the focused text: one with an arrow, more with Shift.
   *
   * @param {KeyboardEvent} event
   */
  #selectByKey(event) {
    const node = event.target;
    if (!(node instanceof HTMLElement) || !node.dataset["text"]) return;
    if ((event.key !== "ArrowRight" && event.key !== "ArrowLeft") || event.ctrlKey || event.altKey || event.metaKey) return;
    const turn = this.turns.find((one) => one.target === node.dataset["text"]);
    const words = turn ? wordsOf(turn.text, this.language) : [];
    if (!turn || !words.length) return;
    event.preventDefault();
    const forward = (event.key === "ArrowRight") === (getComputedStyle(node).direction === "ltr");
    const cursor = this.cursor?.target === turn.target ? this.cursor : null;
    const focus = Math.min(Math.max((cursor ? cursor.focus : forward ? -1 : words.length) + (forward ? 1 : -1), 0), words.length - 1);
    const anchor = event.shiftKey && cursor ? cursor.anchor : focus;
    this.cursor = { target: turn.target, anchor, focus };
    const first = words[Math.min(anchor, focus)];
    const last = words[Math.max(anchor, focus)];
    if (!first || !last) return;
    selectUnits(node, first.start, last.end);
    this.selected = trimmed(turn, first.start, last.end);
    this.handlers.onSelect(this.selected);
    say(turn.text.slice(first.start, last.end));
  }
}

/**
 * A span without the white space at its ends; null when nothing is left.
 *
 * @param {Turn} turn
 * @param {number} from
 * @param {number} to
 * @returns {Span | null}
 */
function trimmed(turn, from, to) {
  const words = turn.text.slice(from, to);
  const start = from + words.length - words.trimStart().length;
  const end = to - (words.length - words.trimEnd().length);
  if (start >= end) return null;
  return { target: turn.target, start: toCodePoint(turn.text, start), end: Math.min(toCodePoint(turn.text, end), countCodePoints(turn.text)) };
}

/**
 * Select a part of an element's text.
 *
 * @param {HTMLElement} node
 * @param {number} from
 * @param {number} to
 */
function selectUnits(node, from, to) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let at = 0;
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const size = text.textContent?.length ?? 0;
    if (from >= at && from <= at + size) range.setStart(text, from - at);
    if (to >= at && to <= at + size) {
      range.setEnd(text, to - at);
      break;
    }
    at += size;
  }
  const selection = document.getSelection();
  selection?.removeAllRanges();
  selection?.addRange(range);
}

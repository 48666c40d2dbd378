// The words under judgement: turns with their roles, concealed until revealed, and the passages marked in them.
import { fill, h, icon, put, say } from "../lib/dom.js";
import { countCodePoints, countInvisible, toCodePoint, toUnit } from "./codepoints.js";
import { besideEachOther, responseTurns } from "./responses.js";
import { capOf } from "./keys.js";
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
 * @property {import("./types.js").ToolCall[]} [calls] tools that it calls
 * @property {string} [answers] the call or tool that it answers
 * @property {import("./types.js").MediaEntry[]} [media] files that belong to it
 */

/** @typedef {{ span: Span, tag: string }} Mark */

const ROLES = new Set(["system", "user", "assistant", "tool"]);
/** From so many turns on there is a bar to jump with; from so many on only those near the window have their words in the page. */
const MANY = 12;
const WINDOWED = 60;
const FIRST = 16;

/**
 * The turns of an item, in order.
 *
 * @param {Item} item
 * @returns {Turn[]}
 */
export function turnsOf({ body }) {
  const files = (/** @type {Turn} */ turn) => {
    const media = body.media?.filter(({ target }) => target === turn.target) ?? [];
    return media.length ? { ...turn, media } : turn;
  };
  if (body.messages) {
    const said = body.messages.map(({ role, content, tool_calls: calls, tool_call_id: id, name }, index) => ({
      target: `message:${index}`, role: role === "developer" ? "system" : role, text: content, ...(calls ? { calls } : {}), ...(name ?? id ? { answers: name ?? id ?? "" } : {}),
    }));
    return [...said, ...responseTurns(body)].map(files);
  }
  /** @type {[string, string, string | undefined][]} */
  const parts = [
    ["system", "system", body.system], ["prompt", "user", body.prompt], ["response", "assistant", body.response],
    ["text", "text", body.text],
  ];
  const said = parts.flatMap(([target, role, text]) => (typeof text === "string" ? [{ target, role, text }] : []));
  return [...said, ...responseTurns(body)].map(files);
}

/**
 * The name of a file as a part of its turn, by which it is revealed and counted.
 *
 * @param {Turn} turn
 * @param {number} index
 */
function partOf(turn, index) {
  return `${turn.target}/media:${index}`;
}

/**
 * The parts of a turn that are revealed one by one: its words with the calls, then each file.
 *
 * @param {Turn} turn
 */
function partsOf(turn) {
  return [...(turn.text || turn.calls ? [turn.target] : []), ...(turn.media ?? []).map((_, index) => partOf(turn, index))];
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
    /** @type {Map<string, HTMLElement>} */
    this.nodes = new Map();
    /** @type {Set<string> | null} turns that have their words in the page; null: all */
    this.near = null;
    /** @type {import("./long.js").LongItem | null} */
    this.long = null;
    /** @type {typeof import("./extras.js") | null} */
    this.extras = null;
    /** @type {typeof import("./invisibles.js") | null} */
    this.invisibles = null;
    this.showsInvisible = false;
    this.mediaAddress = "";
    /** What the frames of the turns say; an item whose frames say the same is written into them. */
    this.frames = "";
    this.scrolled = false;
    this.pane.addEventListener("scroll", () => { this.scrolled = true; }, { passive: true });
    document.addEventListener("selectionchange", () => this.#noteSelection());
    this.pane.addEventListener("keydown", (event) => this.#selectByKey(event));
  }

  /**
   * @param {Item} item
   * @param {{ conceal: boolean, hold: boolean, askedAbout: Set<string> | null, notice: string | null, mediaAddress?: string }} how
   */
  show(item, { conceal, hold, askedAbout, notice, mediaAddress = "" }) {
    const frames = this.frames;
    this.turns = turnsOf(item);
    this.mediaAddress = mediaAddress;
    this.near = this.turns.length > WINDOWED ? new Set(this.turns.slice(0, FIRST).map(({ target }) => target)) : null;
    this.revealed = new Set();
    this.concealing = conceal;
    this.holds = hold;
    this.askedAbout = askedAbout;
    this.marks = [];
    this.judged = null;
    this.cursor = null;
    this.selected = null;
    this.language = item.language ?? undefined;
    const said = conceal && notice ? notice : "";
    this.frames = this.turns.length > MANY ? "" : JSON.stringify([said, this.language, this.turns.map(({ target, role, name }) => [target, role, name])]);
    if (!this.frames || this.frames !== frames) this.#frame(said);
    for (const turn of this.turns) this.#paint(turn);
    // Asking where it stands, or setting it, would lay the page out before it is whole.
    if (this.scrolled) this.pane.scrollTop = 0;
    this.scrolled = false;
    this.#countInvisible();
    void this.#bringExtras(this.turns);
  }

  /**
   * Lay out the turns, without their words.
   *
   * @param {string} notice '' for none
   */
  #frame(notice) {
    this.#end();
    let number = 0;
    fill(
      this.pane,
      notice ? h("p.notice", {}, icon("eye-off"), notice) : null,
      besideEachOther(this.turns, this.turns.map((turn) => {
        if (turn.role !== "system") number += 1;
        const node = this.#turn(turn, turn.role === "system" || turn.name !== undefined ? 0 : number);
        this.nodes.set(turn.target, node);
        return node;
      })),
      h("p.item-end", {}, this.#spoken() > 1 ? t("endOfConversation") : t("endOfItem")),
    );
  }

  /**
   * Load what this item needs besides words, and only then.
   *
   * @param {Turn[]} turns by which it is known whether the item is still the same
   */
  async #bringExtras(turns) {
    if (!this.extras && turns.some(({ calls, media }) => calls ?? media)) {
      this.extras = await import("./extras.js");
      if (this.turns === turns) for (const turn of turns) if (turn.calls ?? turn.media) this.#paint(turn);
    }
    if (turns.length > MANY) {
      const { LongItem } = await import("./long.js");
      if (this.turns !== turns) return;
      this.long = new LongItem({
        pane: this.pane, turns, nodes: this.nodes, near: this.near, judged: () => this.judged,
        paint: (target) => { const turn = turns.find((one) => one.target === target); if (turn) this.#paint(turn); },
      });
    }
  }

  #end() {
    this.long?.end();
    this.long = null;
    quiet(this.pane);
    this.nodes.clear();
  }

  #countInvisible() {
    const count = this.turns.reduce((sum, { text }) => sum + countInvisible(text), 0);
    const button = document.getElementById("invisibles");
    if (!button) return;
    if (button.parentElement) button.parentElement.hidden = count === 0;
    const words = button.querySelector("[data-count]");
    if (words) put(words, t("invisibleCount", { count }));
    button.setAttribute("aria-pressed", String(this.showsInvisible));
  }

  /** Show every invisible character in a box, or stop that. */
  async toggleInvisible() {
    this.invisibles ??= await import("./invisibles.js");
    this.showsInvisible = !this.showsInvisible;
    for (const turn of this.turns) this.#paint(turn);
    this.#countInvisible();
    say(t(this.showsInvisible ? "invisibleShown" : "invisibleHidden"));
  }

  /** Ask for the turn to go to. */
  askTurn() {
    this.long?.ask();
  }

  /** Take every word of the item off the page. */
  clear() {
    this.#end();
    this.frames = "";
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
    const many = this.#spoken() > 1;
    return h(`article.turn.turn-${kind}`, { "data-turn": turn.target, "data-number": number || null, "aria-label": this.#nameOf(turn, number) },
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
    return number && this.#spoken() > 1 ? `${role}, ${t("turn", { number })}` : role;
  }

  /** How many turns there are without the responses beside each other. */
  #spoken() {
    return this.turns.filter(({ name }) => name === undefined).length;
  }

  /** @param {string} target */
  #node(target) {
    return this.nodes.get(target);
  }

  /** @param {string} target */
  isShown(target) {
    return !this.concealing || this.revealed.has(target);
  }

  /** @param {Turn} turn */
  #paint(turn) {
    const body = this.#node(turn.target)?.querySelector(".turn-body");
    if (!body) return;
    quiet(body);
    if (this.near && !this.near.has(turn.target)) {
      fill(body);
      return;
    }
    const text = body.firstElementChild;
    if (this.#isPlain(turn) && text?.matches(".turn-text") && text === body.lastChild && !text.childElementCount) {
      put(text, turn.text);
      return;
    }
    fill(body, turn.text || turn.calls ? this.#words(turn) : null, (turn.media ?? []).map((entry, index) => this.#file(turn, entry, index)));
  }

  /**
   * Whether a turn is shown as nothing but its words.
   *
   * @param {Turn} turn
   */
  #isPlain({ target, text, calls, media, answers }) {
    return text && !calls && !media && !answers && !this.showsInvisible && this.isShown(target) && !this.marks.some(({ span }) => span.target === target);
  }

  /** @param {Turn} turn */
  #words(turn) {
    if (!this.isShown(turn.target)) return [this.#concealed(turn)];
    const calls = turn.calls && this.extras ? this.extras.drawCalls(turn.calls) : [];
    const from = turn.answers ? h("p.tool-from", {}, t("toolAnswers"), " ", h("b.tool-name", { dir: "auto" }, turn.answers)) : null;
    return turn.text || !turn.calls ? [from, this.#text(turn), ...calls] : calls;
  }

  /** @param {Turn} turn */
  #text(turn) {
    const marks = this.marks.filter(({ span }) => span.target === turn.target);
    const { invisibles } = this;
    const put = (/** @type {string} */ text) => (this.showsInvisible && invisibles ? invisibles.shown(text) : [text]);
    return h("div.turn-text", {
      dir: "auto", lang: this.language ?? null, tabindex: "0", "data-text": turn.target, role: "group", "aria-label": t("textOfTurn"),
    }, pieces(turn.text, marks).flatMap((piece) => (piece.marks.length
      ? [h(piece.marks.length > 1 ? "mark.span.span-over" : "mark.span", {
        "data-tag": piece.ends.map(({ tag }) => tag).filter(Boolean).join(" ") || null,
        "data-end": piece.ends.length > 0,
      }, put(piece.text))]
      : put(piece.text))));
  }

  /**
   * @param {Turn} turn
   * @param {import("./types.js").MediaEntry} entry
   * @param {number} index
   */
  #file(turn, entry, index) {
    if (!this.extras) return null;
    const part = partOf(turn, index);
    if (this.isShown(part)) {
      return this.extras.drawFile(entry, { address: this.mediaAddress + entry.sha256, careful: this.concealing, lang: this.language ?? null });
    }
    const node = this.extras.offer(entry, { part, words: t(this.holds ? "holdToReveal" : "reveal"), cap: capOf("reveal") });
    this.#onReveal(node.querySelector("button"), part);
    return node;
  }

  /**
   * @param {HTMLElement | null} button
   * @param {string} part
   */
  #onReveal(button, part) {
    button?.addEventListener(this.holds ? "pointerdown" : "click", () => this.reveal(part));
  }

  /** @param {Turn} turn */
  #concealed(turn) {
    const words = wordsOf([turn.text, ...(turn.calls ?? []).map((call) => call.arguments)].join(" "), this.language).length;
    const unasked = this.askedAbout !== null && !this.askedAbout.has(turn.target);
    const button = h("button.btn.btn-sm", { type: "button", "data-reveal": turn.target }, icon("eye"), t(this.holds ? "holdToReveal" : "reveal"), " ", h("kbd.key", {}, capOf("reveal")));
    this.#onReveal(button, turn.target);
    return h("div.concealed", {}, h("div", {}, h("strong", {}, t("concealed")),
      h("p", {}, t("concealedWords", { count: words }), unasked ? ` ${t("unaskedTurn")}` : "")), button);
  }

  /** @param {string} part a turn, or a file of one */
  reveal(part) {
    const turn = this.turns.find((one) => partsOf(one).includes(part));
    if (!turn || this.isShown(part)) return;
    this.long?.bring(turn.target);
    this.revealed.add(part);
    this.#paint(turn);
    if (this.holds) {
      const hide = () => this.hideAll();
      addEventListener("pointerup", hide, { once: true });
      addEventListener("pointercancel", hide, { once: true });
      addEventListener("blur", hide, { once: true });
    } else {
      const body = this.#node(turn.target);
      const file = body?.querySelectorAll(".media, .media-offer")[Number(part.split("/media:")[1] ?? "-1")];
      const shown = file ? file.querySelector(".media-frame") ?? file.querySelector("button") : body?.querySelector(".turn-text");
      if (shown instanceof HTMLElement) shown.focus();
    }
    this.handlers.onReveal(part);
  }

  /** Reveal the next concealed part, one of a turn that a question asks about first. */
  revealNext() {
    const hidden = this.turns.flatMap((turn) => partsOf(turn).filter((part) => !this.isShown(part)).map((part) => ({ turn, part })));
    const next = hidden.find(({ turn }) => this.askedAbout?.has(turn.target) ?? true) ?? hidden[0];
    if (next) this.reveal(next.part);
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
      if (tag instanceof HTMLElement && tag.hidden === now) tag.hidden = !now;
    }
  }

  /** @param {1 | -1} step */
  moveTurn(step) {
    const nodes = [...this.pane.querySelectorAll("[data-turn]")];
    const at = nodes.findIndex((node) => node.contains(document.activeElement));
    const next = nodes[at < 0 ? (step > 0 ? 0 : nodes.length - 1) : Math.min(Math.max(at + step, 0), nodes.length - 1)];
    this.long?.bring(next?.getAttribute("data-turn") ?? "");
    const target = next?.querySelector(".turn-text, .concealed button, .media-frame, .media button");
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
 * End what plays inside: an element that is taken out of the page would play on.
 *
 * @param {Element} node
 */
function quiet(node) {
  for (const player of node.querySelectorAll("audio, video")) {
    if (!(player instanceof HTMLMediaElement)) continue;
    player.pause();
    player.removeAttribute("src");
    player.load();
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

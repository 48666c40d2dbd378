// The rule beside the case: definition, numbered clauses, anchors and examples of the category at hand.
import { fill, h, icon, must, say } from "../lib/dom.js";
import { found, paintWords, partsOf, wordsOf } from "./guidelines.js";
import { capOf } from "./keys.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").Category} Category */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./types.js").Clause} Clause */
/** @typedef {import("./guidelines.js").Part} Part */
/** @typedef {{ cited: string[], canCite: boolean, help: string | null }} PanelState */

const KINDS = /** @type {const} */ ([["include", "+", "includes"], ["exclude", "−", "excludes"], ["edge", "?", "edgeCases"]]);

export class ClausePanel {
  /**
   * @param {HTMLElement} pane
   * @param {{ onCite: (clause: string) => void, onCategory: (category: string) => void, onLeave: () => void }} handlers
   */
  constructor(pane, handlers) {
    this.pane = pane;
    this.handlers = handlers;
    /** @type {Rubric | null} */
    this.rubric = null;
    this.category = "";
    this.citing = false;
    /** What is searched for; '' while nobody searches. */
    this.query = "";
    /** Which of the hits is chosen. */
    this.at = 0;
    this.state = /** @type {PanelState} */ ({ cited: [], canCite: false, help: null });
    /** What the panel shows now; the same again is not drawn again. */
    this.drawn = "";
    /** Digits typed so far, where there are more than nine to choose from. */
    this.typed = "";
  }

  /** @returns {Category | null} */
  #shown() {
    return this.rubric?.categories.find(({ id }) => id === this.category) ?? null;
  }

  /**
   * What the numbers choose now: clauses of the category shown, or categories of the overview.
   *
   * @returns {{ id: string, isClause: boolean }[]}
   */
  #choices() {
    const shown = this.#shown();
    if (shown) return shown.clauses.map(({ id }) => ({ id, isClause: true }));
    return (this.rubric?.categories ?? []).map(({ id }) => ({ id, isClause: false }));
  }

  /**
   * @param {Rubric} rubric
   * @param {string} category '' for the overview
   * @param {PanelState} state
   */
  show(rubric, category, state) {
    const { cited, canCite, help } = state;
    const wanted = JSON.stringify([rubric.id, category, state, this.citing, capOf("search"), capOf("cite")]);
    if (!this.query && wanted === this.drawn) return;
    this.drawn = this.query ? "" : wanted;
    const held = this.pane.contains(document.activeElement) && document.activeElement instanceof HTMLElement ? document.activeElement.dataset["focus"] : undefined;
    this.state = state;
    this.rubric = rubric;
    this.category = rubric.categories.some(({ id }) => id === category) ? category : "";
    const shown = this.#shown();
    const scroll = shown?.id === this.pane.dataset["category"] ? this.pane.querySelector(".pane-scroll")?.scrollTop ?? 0 : 0;
    this.pane.dataset["category"] = shown?.id ?? "";
    this.pane.dataset["citing"] = this.citing ? "yes" : "no";
    if (this.query) {
      this.#drawHits();
      return;
    }
    fill(this.pane, this.#head(shown, canCite), this.#field(), h("div.pane-scroll.clauses", { role: "region", "aria-label": shown ? t("clausesOf", { category: shown.name }) : t("categories"), tabindex: "0" },
      help ? h("p.definition.q-help", {}, help) : null,
      shown ? this.#category(shown, cited, canCite) : this.#overview(rubric)));
    const region = this.pane.querySelector(".pane-scroll");
    if (region && scroll) region.scrollTop = scroll;
    if (held) this.#focus(held);
  }

  /** @param {string} name */
  #focus(name) {
    const node = [...this.pane.querySelectorAll("[data-focus]")].find((one) => one.getAttribute("data-focus") === name);
    if (node instanceof HTMLElement) node.focus({ preventScroll: true });
  }

  /** The one field that searches all guidelines. */
  #field() {
    if (!this.rubric?.categories.length) return null;
    const field = h("input.input.btn-sm", {
      type: "search", role: "combobox", "aria-label": t("searchGuidelines"), "aria-description": t("searchHelp"), "aria-expanded": String(Boolean(this.query)), "aria-controls": "guideline-hits", "aria-autocomplete": "list",
      placeholder: t("searchHint"), autocomplete: "off", spellcheck: "false", value: this.query, "data-focus": "guidelines",
      oninput: (event) => this.#typed(event.target.value), onkeydown: (event) => this.#keyInField(event),
    });
    return h("div.clause-search", {}, icon("search"), field, h("kbd.key", { "aria-hidden": "true" }, capOf("search")));
  }

  /** Put the focus into the search. */
  search() {
    this.pane.scrollIntoView({ block: "nearest" });
    this.#focus("guidelines");
  }

  /** @param {string} query */
  #typed(query) {
    this.at = 0;
    const before = Boolean(this.query);
    this.query = query.trim() ? query : "";
    if (this.query) this.#drawHits();
    else if (before) this.#leaveSearch(true);
  }

  /** @returns {Part[]} */
  #hits() {
    return this.rubric ? found(partsOf(this.rubric), wordsOf(this.query), this.category) : [];
  }

  #drawHits() {
    this.drawn = "";
    const hits = this.#hits();
    const list = h("ul", { id: "guideline-hits", role: "listbox", "aria-label": t("searchGuidelines") }, hits.map((part, index) => this.#hit(part, index)));
    const body = this.pane.querySelector(".pane-scroll");
    if (!body) return;
    fill(body, h("p.note.pad-x", {}, hits.length ? t("hits", { count: hits.length }) : t("noHit")), hits.length ? list : null);
    const field = must("[data-focus=guidelines]", this.pane);
    field.setAttribute("aria-expanded", String(hits.length > 0));
    paintWords(body, wordsOf(this.query));
    this.#choose(Math.min(this.at, hits.length - 1));
    say(hits.length ? t("hits", { count: hits.length }) : t("noHit"));
  }

  /**
   * @param {Part} part
   * @param {number} index
   */
  #hit(part, index) {
    const kind = part.kind === "definition" ? t("definition") : part.kind === "anchor" ? t("anchors") : "";
    return h(part.clause ? "li.clause.clause-pick.hit" : "li.clause.clause-pick.hit.hit-plain", { role: "option", id: `hit-${index}`, "aria-selected": "false", onclick: () => this.#take(part) },
      part.clause ? h("span.id", {}, part.clause) : null, h("span", {}, h("span.hit-of", {}, kind ? `${part.categoryName} · ${kind}` : part.categoryName), h(part.kind.endsWith("example") ? "span.item-quote" : "span", { lang: part.language, dir: "auto" }, part.text), part.more ? h("span.ruling", {}, part.more) : null));
  }

  /** @param {number} index */
  #choose(index) {
    this.at = Math.max(index, 0);
    const field = must("[data-focus=guidelines]", this.pane);
    field.removeAttribute("aria-activedescendant");
    for (const node of this.pane.querySelectorAll(".hit")) {
      const chosen = node.id === `hit-${this.at}`;
      node.setAttribute("aria-selected", String(chosen));
      if (!chosen) continue;
      field.setAttribute("aria-activedescendant", node.id);
      node.scrollIntoView({ block: "nearest" });
    }
  }

  /** @param {KeyboardEvent} event */
  #keyInField(event) {
    if (event.isComposing) return;
    const hits = this.#hits();
    const chosen = hits[this.at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#choose((this.at + (event.key === "ArrowDown" ? 1 : hits.length - 1)) % Math.max(hits.length, 1));
    else if (event.key === "Enter" && chosen) this.#take(chosen);
    else if (event.key === "Escape") this.#leaveSearch(false);
    else if (event.key !== "Enter") return;
    event.preventDefault();
  }

  /**
   * Cite the clause, or open the category, that was chosen among the hits.
   *
   * @param {Part} part
   */
  #take(part) {
    this.query = "";
    this.category = part.category;
    this.handlers.onCategory(part.category);
    if (part.clause && this.state.canCite) this.handlers.onCite(part.clause);
    this.#leaveSearch(false);
  }

  /** @param {boolean} stay whether the focus stays in the field */
  #leaveSearch(stay) {
    this.query = "";
    if ("highlights" in CSS) CSS.highlights.clear();
    if (this.rubric) this.show(this.rubric, this.category, this.state);
    if (stay) this.#focus("guidelines");
    else this.handlers.onLeave();
  }

  /**
   * Cite, or open, what stands at a number, without citing mode.
   *
   * @param {number} number
   */
  pick(number) {
    const choice = this.#choices()[number - 1];
    if (choice?.isClause) this.handlers.onCite(choice.id);
    else if (choice) this.handlers.onCategory(choice.id);
  }

  /**
   * @param {Category | null} shown
   * @param {boolean} canCite
   */
  #head(shown, canCite) {
    const categories = this.rubric?.categories ?? [];
    const many = categories.length > 1;
    const pick = h("select.select.btn-sm.clause-select", { "aria-label": t("categoryShown"), "data-focus": "category", onchange: (event) => this.handlers.onCategory(event.target.value) },
      h("option", { value: "", selected: !shown }, t("allCategories")),
      categories.map(({ id, name }) => h("option", { value: id, selected: shown?.id === id }, name)));
    return h("div.pane-head", {}, h(many ? "h2.vh" : "h2", {}, shown?.name ?? t("categories")), many ? pick : null,
      canCite ? h("span.end.with-key.hide-small.nowrap", {}, h("kbd.key", {}, capOf("cite")), t(this.citing ? "citeNow" : "citeHint")) : null);
  }

  /** @param {Rubric} rubric */
  #overview(rubric) {
    if (!rubric.categories.length) return h("p.definition.muted", {}, t("noCategories"));
    return h("ul", {}, rubric.categories.map((category, index) => h("li", {}, h("button.clause.clause-pick", {
      type: "button", onclick: () => this.handlers.onCategory(category.id),
    }, h("span", {}, h("b", {}, category.name), h("span.ruling", {}, category.definition)), this.citing ? h("kbd.key", {}, String(index + 1)) : icon("next")))));
  }

  /**
   * @param {Category} category
   * @param {string[]} cited
   * @param {boolean} canCite
   */
  #category(category, cited, canCite) {
    const numbers = new Map(category.clauses.map(({ id }, index) => [id, index + 1]));
    const anchors = Object.entries(category.severity_anchors);
    return [
      h("p.definition", {}, category.definition),
      KINDS.flatMap(([kind, sign, title]) => {
        const own = category.clauses.filter((clause) => clause.kind === kind);
        return own.length ? [
          h("h3", {}, h("span.clause-sign", { "aria-hidden": "true" }, sign), t(title)),
          h("ul", {}, own.map((clause) => h("li", {}, this.#clause(clause, numbers.get(clause.id) ?? 0, cited.includes(clause.id), canCite)))),
        ] : [];
      }),
      anchors.length ? h("h3", {}, t("anchors")) : null,
      anchors.length ? h("dl.facts.pad-x", {}, anchors.map(([id, text]) => [h("dt", {}, this.#optionLabel(id)), h("dd", {}, text)]).flat()) : null,
      this.#examples(category.examples, "examples"),
      this.#examples(category.counterexamples, "counterexamples"),
    ].flat();
  }

  /** @param {string} id */
  #optionLabel(id) {
    for (const question of this.rubric?.questions ?? []) {
      const option = question.options.find((one) => one.id === id);
      if (option) return option.label;
    }
    return id;
  }

  /**
   * @param {Clause} clause
   * @param {number} number
   * @param {boolean} cited
   * @param {boolean} canCite
   */
  #clause(clause, number, cited, canCite) {
    const words = [h("span.id", {}, clause.id), h("span", {}, clause.text,
      clause.ruling ? h("span.ruling", {}, clause.ruling, clause.since ? ` · ${t("since", { version: clause.since })}` : "") : null)];
    if (!canCite) return h("div.clause", {}, ...words);
    const sign = cited ? h("span.pill.pill-gold", {}, icon("check"), t("cited")) : h("kbd.key", {}, String(number));
    return h(cited ? "button.clause.clause-pick.clause-cited" : "button.clause.clause-pick", {
      type: "button", "aria-pressed": String(cited), onclick: () => this.handlers.onCite(clause.id),
    }, ...words, sign);
  }

  /**
   * @param {import("./types.js").Example[]} examples
   * @param {"examples" | "counterexamples"} title
   */
  #examples(examples, title) {
    if (!examples.length) return null;
    return h("details.examples", {}, h("summary", {}, t(title, { count: examples.length })), h("ul", {}, examples.map((one) => h("li", {},
      h("span.item-quote", { lang: one.language ?? null, dir: "auto" }, one.text),
      one.clause || one.note ? h("span.ruling", {}, [one.clause, one.note].filter(Boolean).join(" · ")) : null))));
  }

  /**
   * A digit while citing. Tells what it chose, or null while more digits may follow.
   *
   * @param {string} digit
   * @returns {{ id: string, isClause: boolean } | null}
   */
  digit(digit) {
    const choices = this.#choices();
    this.typed += digit;
    const number = Number(this.typed);
    if (number * 10 <= choices.length && number > 0) return null;
    this.typed = "";
    return choices[number - 1] ?? null;
  }
}

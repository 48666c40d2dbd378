// The rule beside the case: definition, numbered clauses, anchors and examples of the category at hand.
import { fill, h, icon } from "../lib/dom.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").Category} Category */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./types.js").Clause} Clause */

const KINDS = /** @type {const} */ ([["include", "+", "includes"], ["exclude", "−", "excludes"], ["edge", "?", "edgeCases"]]);

export class ClausePanel {
  /**
   * @param {HTMLElement} pane
   * @param {{ onCite: (clause: string) => void, onCategory: (category: string) => void }} handlers
   */
  constructor(pane, handlers) {
    this.pane = pane;
    this.handlers = handlers;
    /** @type {Rubric | null} */
    this.rubric = null;
    this.category = "";
    this.citing = false;
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
   * @param {{ cited: string[], canCite: boolean, help: string | null }} state
   */
  show(rubric, category, { cited, canCite, help }) {
    this.rubric = rubric;
    this.category = rubric.categories.some(({ id }) => id === category) ? category : "";
    const shown = this.#shown();
    const scroll = shown?.id === this.pane.dataset["category"] ? this.pane.querySelector(".pane-scroll")?.scrollTop ?? 0 : 0;
    this.pane.dataset["category"] = shown?.id ?? "";
    this.pane.dataset["citing"] = this.citing ? "yes" : "no";
    fill(this.pane, this.#head(shown, canCite), h("div.pane-scroll.clauses", { role: "region", "aria-label": shown ? t("clausesOf", { category: shown.name }) : t("categories"), tabindex: "0" },
      help ? h("p.definition.q-help", {}, help) : null,
      shown ? this.#category(shown, cited, canCite) : this.#overview(rubric)));
    const region = this.pane.querySelector(".pane-scroll");
    if (region) region.scrollTop = scroll;
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
      canCite ? h("span.end.with-key.hide-small.nowrap", {}, h("kbd.key", {}, "C"), t(this.citing ? "citeNow" : "citeHint")) : null);
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

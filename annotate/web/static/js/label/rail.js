// The question list: one question open, the others folded to a line, all in sight.
import { h, icon, say, settle, severityBars } from "../lib/dom.js";
import { answerOf, chosenCategories, isGiven, lackOf } from "./answers.js";
import { operands } from "./conditions.js";
import { countCodePoints } from "./codepoints.js";
import { capOf } from "./keys.js";
import { BACK_KEY, placed, rankOf, ranksOf, TIE_KEY, takenBack, moved, unranked } from "./ranking.js";
import { quoted, rangeWords, reasonWords, summaryOf } from "./words.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").Option} Option */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./types.js").Span} Span */
/** @typedef {import("./types.js").Step} Step */

/**
 * @typedef {object} RailState
 * @property {Rubric} rubric
 * @property {Answers} answers
 * @property {Step[]} steps
 * @property {string} open key of the open step
 * @property {Map<string, string>} problems what the server or the last try to submit found, by step
 * @property {Map<string, string>} texts the item's texts by target
 * @property {string} markLabel label that the next mark gets
 * @property {boolean} readOnly
 * @property {string} filter words typed into the filter of a long list
 */

/**
 * @typedef {object} RailHandlers
 * @property {(key: string) => void} onOpen
 * @property {(step: Step, answer: Answer | undefined, how: "choice" | "typing" | "more") => void} onAnswer
 * @property {(label: string) => void} onMarkLabel
 * @property {(words: string) => void} onFilter
 * @property {(clause: string) => void} onUncite
 */

const SHORT_LIST = 9;
const SCALE_RANKS = 4;

/**
 * How full the severity bars of an ordinal option are, 0 to 4; null where the question is no severity scale.
 *
 * @param {Step} step
 * @param {Option} option
 * @returns {number | null}
 */
function severityRank({ question }, option) {
  const codes = question.options.map(({ code }) => code);
  if (question.type !== "ordinal" || !/sever/iu.test(question.id) || codes.some((code) => typeof code !== "number")) return null;
  const sizes = [...new Set(codes.map(Number))].sort((a, b) => a - b);
  if (sizes.length > SCALE_RANKS + 1) return null;
  const place = sizes.indexOf(Number(option.code));
  return (sizes[0] ?? 0) < 0 ? sizes.length - 1 - place : place;
}

export class Rail {
  /**
   * @param {HTMLElement} list
   * @param {RailHandlers} handlers
   */
  constructor(list, handlers) {
    this.list = list;
    this.handlers = handlers;
    /** @type {RailState | null} */
    this.state = null;
    /** Step whose next option shares the rank of the one before it. */
    this.tying = "";
    /** Folded lines as they stand, by step, with what they show: the same again is not drawn again. */
    this.lines = /** @type {Map<string, { shows: string, node: HTMLElement }>} */ (new Map());
  }

  /** @param {RailState} state */
  show(state) {
    this.state = state;
    const held = document.activeElement instanceof HTMLElement && this.list.contains(document.activeElement)
      ? document.activeElement.dataset["focus"] : undefined;
    settle(this.list, state.steps.map((step) => (step.key === state.open && step.standing === "asked" ? this.#open(step) : this.#line(step))));
    const again = held ? this.#find(held) : null;
    again?.focus({ preventScroll: true });
    if (again instanceof HTMLInputElement && again.type === "search") again.setSelectionRange(again.value.length, again.value.length);
  }

  /**
   * @param {string} name
   * @returns {HTMLElement | null}
   */
  #find(name) {
    return [...this.list.querySelectorAll("[data-focus]")]
      .filter((node) => node instanceof HTMLElement)
      .find((node) => node.dataset["focus"] === name) ?? null;
  }

  /**
   * Put the focus into the open step: on its chosen or first answer; into a text only when asked to.
   *
   * @param {{ write: boolean }} how
   */
  focusOpen({ write }) {
    const step = this.list.querySelector(".q-open");
    if (!step) return;
    const field = step.querySelector("textarea, input[type=number]");
    const choice = step.querySelector("input:checked") ?? step.querySelector(".opts input:not([type=search])");
    const held = document.activeElement?.closest(".ranks") && step.contains(document.activeElement) ? document.activeElement : null;
    const target = held ?? (write && field ? field : choice ?? step.querySelector("[data-step]"));
    if (target instanceof HTMLElement) target.focus({ preventScroll: true });
    step.scrollIntoView({ block: "nearest" });
  }

  /** @param {Step} step */
  #title(step) {
    return step.categoryName ? t("forCategory", { question: step.question.text, category: step.categoryName }) : step.question.text;
  }

  /** @param {Step} step */
  #line(step) {
    const { answers, problems, rubric } = this.#now();
    const answer = answerOf(answers, step);
    const given = step.standing === "asked" && isGiven(answer);
    const bad = problems.get(step.key) ?? null;
    const closed = step.standing !== "asked";
    const summary = given ? summaryOf(step.question, answer) : "";
    const reserved = given && answer?.state !== undefined && answer.state !== "answered";
    const done = given && lackOf(rubric, step, answer) === null;
    const why = step.question.ask_if?.words ?? null;
    const shows = JSON.stringify([step.standing, step.number, this.#title(step), summary, done, given, reserved, bad, why, this.#sub(step)]);
    const drawn = this.lines.get(step.key);
    if (drawn?.shows === shows) return drawn.node;
    const stand = closed ? t(step.standing === "closed" ? "notAsked" : "questionWaits") : t(given ? "questionAnswered" : "questionOpen");
    const node = h(`li.q${done ? ".q-done" : ""}${closed ? ".q-closed" : ""}${bad ? ".q-bad" : ""}`, {},
      h("button.q-line", {
        type: "button", "data-focus": `line:${step.key}`, "aria-disabled": closed ? "true" : null, title: closed ? why : null,
        onclick: () => { if (!closed) this.handlers.onOpen(step.key); },
      },
      h("span.q-no", { "aria-hidden": "true" }, done ? icon("check") : String(step.number)),
      h("span.q-text", {}, h("span.vh", {}, `${t("questionNumber", { number: step.number })}, ${stand}: `), this.#title(step)),
      given ? h(`span.chip.${reserved ? "chip-reserved" : "chip-answer"}`, {}, summary) : h("span.q-sub", {}, this.#sub(step))),
      bad ? h("p.error.q-error", {}, icon("alert"), bad) : null);
    this.lines.set(step.key, { shows, node });
    return node;
  }

  /** @param {Step} step */
  #sub(step) {
    if (step.standing === "closed") return t("notAsked");
    if (step.standing === "waiting") return t("waits", { numbers: this.#hinges(step).join(", ") });
    return step.required ? "" : t("optional");
  }

  /**
   * Numbers of the questions that decide whether a step is asked.
   *
   * @param {Step} step
   * @returns {number[]}
   */
  #hinges({ question }) {
    const ids = question.ask_if ? operands(question.ask_if.test) : [];
    if (question.repeat_for) ids.push(question.repeat_for);
    const numbers = ids.map((id) => this.#now().rubric.questions.findIndex((one) => one.id === id) + 1);
    return [...new Set(numbers)].sort((a, b) => a - b);
  }

  /** @returns {RailState} */
  #now() {
    if (!this.state) throw new Error("Nothing to draw yet");
    return this.state;
  }

  /** @param {Step} step */
  #open(step) {
    const { answers, problems, rubric, readOnly } = this.#now();
    const answer = answerOf(answers, step);
    const bad = problems.get(step.key) ?? null;
    const helpId = step.question.help ? "open-help" : null;
    return h(`li.q.q-open${bad ? ".q-bad" : ""}`, {},
      h("fieldset", { disabled: readOnly, "aria-describedby": [bad ? "open-error" : null, helpId].filter(Boolean).join(" ") || null },
        h("legend.q-head", { tabindex: "-1", "data-step": step.key }, h("span.q-no", { "aria-hidden": "true" }, String(step.number)),
          h("span", {}, this.#title(step), step.required ? null : h("span.q-sub", {}, ` ${t("optional")}`))),
        step.question.help ? h("p.q-help", { id: helpId }, step.question.help) : null,
        this.#body(step, answer),
        bad ? h("p.error", { id: "open-error" }, icon("alert"), bad) : null,
        this.#reserved(step, answer),
        this.#evidence(step, answer, rubric)));
  }

  /**
   * @param {Step} step
   * @param {Answer | undefined} answer
   */
  #body(step, answer) {
    switch (step.question.type) {
      case "number": return this.#number(step, answer);
      case "text": return this.#text(step, answer);
      case "span": return this.#spans(step, answer);
      case "ranking": return this.#ranking(step, answer);
      default: return this.#options(step, answer);
    }
  }

  /**
   * @param {Step} step
   * @param {Answer | undefined} answer
   */
  #options(step, answer) {
    const { filter, rubric } = this.#now();
    const { question } = step;
    const multi = question.type === "multi";
    const long = question.options.length > SHORT_LIST;
    const words = long ? filter.toLocaleLowerCase().split(/\s+/u).filter(Boolean) : [];
    const shown = question.options.filter(({ label, id }) => words.every((word) => `${label} ${id}`.toLocaleLowerCase().includes(word)));
    const anchors = rubric.categories.find(({ id }) => id === step.category)?.severity_anchors ?? {};
    const brief = multi && shown.length > 4 && (question.options_from === "categories" || shown.every(({ label }) => label.length <= 18));
    return [
      long ? h("input.input.q-filter", {
        type: "search", value: filter, placeholder: t("filterOptions"), "aria-label": t("filterOptions"), "data-focus": "filter",
        oninput: (event) => this.handlers.onFilter(event.target.value),
      }) : null,
      h(`div.opts${question.type === "ordinal" ? ".scale" : ""}${brief ? ".opts-2" : ""}`, {},
        shown.map((option) => this.#option(step, answer, option, anchors[option.id] ?? (brief ? null : option.help) ?? null)),
        multi && (question.min ?? 0) === 0 && !words.length ? this.#none(step, answer, t("noneOfThese")) : null,
        shown.length ? null : h("p.note", {}, t("noOptionMatches"))),
    ];
  }

  /**
   * @param {Step} step
   * @param {Answer | undefined} answer
   * @param {Option} option
   * @param {string | null} note
   */
  #option(step, answer, option, note) {
    const { question } = step;
    const multi = question.type === "multi";
    const list = Array.isArray(answer?.value) ? answer.value : [];
    const checked = multi ? list.some((one) => one === option.id) : String(answer?.value ?? "") === option.id;
    const rank = severityRank(step, option);
    const input = h("input", {
      type: multi ? "checkbox" : "radio", name: "open-step", value: option.id, "data-focus": `option:${option.id}`,
      onchange: () => this.choose(step, option.id),
    });
    if (input instanceof HTMLInputElement) input.checked = checked;
    return h("label.opt", { title: note && note.length > 80 ? note : null }, option.hotkey ? h("kbd.key", { "aria-hidden": "true" }, option.hotkey.toUpperCase()) : null, input,
      rank === null ? null : severityBars(rank),
      h("span.opt-name", {}, option.label), note ? h("span.opt-note", {}, note) : null);
  }

  /**
   * "None of these": said, not left out.
   *
   * @param {Step} step
   * @param {Answer | undefined} answer
   * @param {string} words
   */
  #none(step, answer, words) {
    const input = h("input", { type: "checkbox", "data-focus": "option:", onchange: () => this.handlers.onAnswer(step, emptied(answer), "more") });
    if (input instanceof HTMLInputElement) input.checked = Array.isArray(answer?.value) && answer.value.length === 0;
    return h("label.opt.opt-none", {}, h("kbd.key", { "aria-hidden": "true" }, noneKey(step)), input, h("span.opt-name", {}, words));
  }

  /**
   * Options in their order, the best first, then those that have no place yet.
   *
   * @param {Step} step
   * @param {Answer | undefined} answer
   */
  #ranking(step, answer) {
    const { question } = step;
    const ranks = ranksOf(answer);
    const waiting = question.options.filter(({ id }) => !rankOf(ranks, id));
    const tying = this.tying === step.key && ranks.length > 0;
    return [
      h("p.q-help.hide-small", {}, t("rankHelp")),
      ranks.length ? h("ol.ranks", { "aria-label": t("rankOrder") }, ranks.flat().map((id) => this.#ranked(step, answer, id))) : null,
      waiting.length ? h("div.opts.ranks-left", { role: "group", "aria-label": t("rankLeft") }, waiting.map((option) => h("button.opt.opt-button", {
        type: "button", "data-focus": `place:${option.id}`, onclick: () => this.#place(step, option.id),
      }, option.hotkey ? h("kbd.key", { "aria-hidden": "true" }, option.hotkey.toUpperCase()) : null,
      h("span.opt-name", {}, option.label), option.help && !question.options_from ? h("span.opt-note", {}, option.help) : null))) : null,
      h("div.btn-row.rank-acts", {},
        question.ties && waiting.length ? h("button.btn.btn-quiet.btn-sm", {
          type: "button", "data-focus": "tie", "aria-pressed": String(tying), "aria-disabled": ranks.length ? null : "true", onclick: () => this.#tie(step),
        }, t("rankTie"), " ", h("kbd.key", { "aria-hidden": "true" }, TIE_KEY.toUpperCase())) : null,
        ranks.length ? h("button.btn.btn-quiet.btn-sm", { type: "button", "data-focus": "rank-back", onclick: () => this.#takeBack(step) },
          t("rankBack"), " ", h("kbd.key", { "aria-hidden": "true" }, "\u232b")) : null),
    ];
  }

  /**
   * @param {Step} step
   * @param {Answer | undefined} answer
   * @param {string} id
   */
  #ranked(step, answer, id) {
    const ranks = ranksOf(answer);
    const rank = rankOf(ranks, id);
    const label = step.question.options.find((option) => option.id === id)?.label ?? id;
    const shares = (ranks.find((group) => group.includes(id))?.length ?? 1) > 1;
    const move = (/** @type {1 | -1} */ by) => this.#rerank(step, moved(ranks, id, by), id);
    const step1 = (/** @type {1 | -1} */ by, /** @type {string} */ words, /** @type {string} */ sign) => h("button.btn.btn-quiet.btn-sm.rank-move", {
      type: "button", tabindex: "-1", "aria-label": t(words, { option: label }), onclick: () => move(by),
    }, h("span", { "aria-hidden": "true" }, sign));
    return h(`li.rank${shares ? ".rank-shared" : ""}`, {},
      h("button.rank-name", {
        type: "button", "data-focus": `rank:${id}`,
        onkeydown: (event) => {
          if ((event.key !== "ArrowUp" && event.key !== "ArrowDown") || event.ctrlKey || event.altKey || event.metaKey) return;
          event.preventDefault();
          move(event.key === "ArrowUp" ? -1 : 1);
        },
      }, h("span.rank-no", { "aria-hidden": "true" }, shares ? `${rank}=` : String(rank)), h("span.opt-name", {}, label), h("span.vh", {}, `, ${t(shares ? "rankShared" : "rankAt", { rank, total: step.question.options.length })}`)),
      step1(-1, "rankUp", "\u2191"), step1(1, "rankDown", "\u2193"));
  }

  /**
   * @param {Step} step
   * @param {string} id
   */
  #place(step, id) {
    const answer = answerOf(this.#now().answers, step);
    const before = ranksOf(answer);
    const ranks = placed(before, id, this.tying === step.key);
    this.tying = "";
    if (ranks === before) return;
    this.#rerank(step, ranks, id, unranked(step.question, { value: ranks }) ? "more" : "choice");
  }

  /**
   * @param {Step} step
   * @param {string[][]} ranks
   * @param {string} id
   * @param {"more" | "choice"} how
   */
  #rerank(step, ranks, id, how = "more") {
    const answer = answerOf(this.#now().answers, step);
    const label = step.question.options.find((option) => option.id === id)?.label ?? id;
    say(t("rankOf", { option: label, rank: rankOf(ranks, id), total: step.question.options.length }));
    this.handlers.onAnswer(step, { ...kept(answer), value: ranks }, how);
  }

  /** @param {Step} step */
  #takeBack(step) {
    const answer = answerOf(this.#now().answers, step);
    const ranks = takenBack(ranksOf(answer));
    this.tying = "";
    this.handlers.onAnswer(step, ranks.length ? { ...kept(answer), value: ranks } : undefined, "more");
    say(t("rankTakenBack"));
  }

  /** @param {Step} step */
  #tie(step) {
    if (!ranksOf(answerOf(this.#now().answers, step)).length) return;
    this.tying = this.tying === step.key ? "" : step.key;
    this.show(this.#now());
    say(t(this.tying ? "rankTying" : "rankNotTying"));
  }

  /**
   * A key of a ranking: back, a tie, or an option.
   *
   * @param {Step} step
   * @param {string} key
   * @param {Option | undefined} option
   * @returns {boolean}
   */
  #pressRanking(step, key, option) {
    if (key === BACK_KEY) this.#takeBack(step);
    else if (key === TIE_KEY && step.question.ties) this.#tie(step);
    else if (option) this.#place(step, option.id);
    else return false;
    return true;
  }

  /**
   * Choose an option of a step; in a multiple choice, turn it over.
   *
   * @param {Step} step
   * @param {string} id
   */
  choose(step, id) {
    const answer = answerOf(this.#now().answers, step);
    const kept = answer?.clauses ? { clauses: answer.clauses } : {};
    const { type, options } = step.question;
    if (type === "multi") {
      const before = Array.isArray(answer?.value) ? answer.value : [];
      const chosen = options.map((one) => one.id).filter((one) => (one === id) !== before.some((other) => other === one));
      this.handlers.onAnswer(step, chosen.length ? { value: chosen, ...kept } : undefined, "more");
    } else {
      this.handlers.onAnswer(step, { value: type === "boolean" ? id === "true" : id, ...kept }, "choice");
    }
  }

  /**
   * Act on a key of the open step. Tells whether the key meant something here.
   *
   * @param {Step} step
   * @param {string} key
   * @returns {boolean}
   */
  press(step, key) {
    const { answers, rubric } = this.#now();
    const answer = answerOf(answers, step);
    const reasons = answer?.state === "cannot_assess" || answer?.state === "unsure" ? rubric.reserved[answer.state].reasons : [];
    const reason = /^[1-9]$/u.test(key) ? reasons[Number(key) - 1] : undefined;
    if (answer?.state && reason !== undefined) {
      this.handlers.onAnswer(step, { ...answer, reason }, "choice");
      return true;
    }
    const option = step.question.options.find(({ hotkey }) => hotkey === key);
    if (step.question.type === "ranking") return this.#pressRanking(step, key, option);
    if (option && step.question.type === "span" && this.#markOptions(step).includes(option)) this.handlers.onMarkLabel(option.id);
    else if (option) this.choose(step, option.id);
    else if (key === "0" && ["multi", "span"].includes(step.question.type) && (step.question.min ?? 0) === 0) {
      this.handlers.onAnswer(step, emptied(answer), "more");
    } else return false;
    return true;
  }

  /**
   * @param {Step} step
   * @param {Answer | undefined} answer
   */
  #number(step, answer) {
    const { question } = step;
    const range = rangeWords(question);
    const input = h("input.input.q-number", {
      type: "number", step: "any", inputmode: "decimal", min: question.min, max: question.max, "aria-label": this.#title(step),
      "data-focus": "number", "aria-describedby": range ? "number-range" : null,
      oninput: (event) => {
        const number = event.target.valueAsNumber;
        this.handlers.onAnswer(step, Number.isFinite(number) ? { ...kept(answer), value: number } : undefined, "typing");
      },
    });
    if (input instanceof HTMLInputElement && typeof answer?.value === "number") input.value = String(answer.value);
    return h("div.field", {}, h("div.q-field", {}, input, h("kbd.key", { "aria-hidden": "true" }, capOf("write"))), range ? h("p.hint", { id: "number-range" }, range) : null);
  }

  /**
   * @param {Step} step
   * @param {Answer | undefined} answer
   */
  #text(step, answer) {
    const { question } = step;
    const count = h("p.hint", { id: "text-left" });
    const tell = (/** @type {string} */ text) => {
      count.textContent = question.max_chars ? t("characters", { count: countCodePoints(text), most: question.max_chars }) : t("leaveText");
    };
    const area = h("textarea.area", {
      rows: "4", dir: "auto", "aria-label": this.#title(step), "aria-describedby": "text-left", "data-focus": "text",
      oninput: (event) => {
        const text = event.target.value;
        tell(text);
        this.handlers.onAnswer(step, text === "" ? undefined : { ...kept(answer), value: text }, "typing");
      },
    });
    const text = typeof answer?.value === "string" ? answer.value : "";
    if (area instanceof HTMLTextAreaElement) area.value = text;
    tell(text);
    return h("div.field", {}, area, h("div.q-field", {}, count, h("span.with-key.end.hide-small", {}, h("kbd.key", {}, capOf("write")), t("writes"))));
  }

  /**
   * @param {Step} step
   * @param {Answer | undefined} answer
   */
  #spans(step, answer) {
    const { texts, markLabel } = this.#now();
    const spans = /** @type {Span[]} */ (Array.isArray(answer?.value) ? answer.value.filter((one) => typeof one === "object") : []);
    const options = this.#markOptions(step);
    const label = (/** @type {string | undefined} */ id) => step.question.options.find((option) => option.id === id)?.label ?? "";
    return [
      h("p.q-help", {}, t("markHelp")),
      options.length ? h("div.opts", { role: "radiogroup", "aria-label": t("markAs") }, options.map((option) => {
        const input = h("input", { type: "radio", name: "mark-label", "data-focus": `option:${option.id}`, onchange: () => this.handlers.onMarkLabel(option.id) });
        if (input instanceof HTMLInputElement) input.checked = option.id === markLabel;
        return h("label.opt", {}, option.hotkey ? h("kbd.key", {}, option.hotkey.toUpperCase()) : null, input, h("span.opt-name", {}, option.label), option.help && step.question.options_from !== "categories" ? h("span.opt-note", {}, option.help) : null);
      })) : null,
      h("ul.passages", { "aria-label": t("passagesMarked") }, spans.map((span, index) => h("li.passage", {},
        h("span.item-quote", { dir: "auto" }, `“${quoted(texts.get(span.target) ?? "", span)}”`),
        span.label ? h("span.chip.chip-gold", {}, label(span.label)) : null,
        h("button.btn.btn-quiet.btn-sm", {
          type: "button", "data-focus": `passage:${index}`, "aria-label": t("removePassage", { number: index + 1 }),
          onclick: () => this.handlers.onAnswer(step, withoutSpan(answer, spans, index), "more"),
        }, icon("cross"), t("remove"))))),
      (step.question.min ?? 0) === 0 && !spans.length ? this.#none(step, answer, t("noPassage")) : null,
    ];
  }

  /**
   * The labels that a mark may get: of the categories, those that were chosen.
   *
   * @param {Step} step
   * @returns {Option[]}
   */
  #markOptions(step) {
    const { answers, rubric } = this.#now();
    const { options } = step.question;
    if (step.question.options_from !== "categories") return options;
    const chosen = chosenCategories(rubric, answers);
    return chosen.length ? options.filter(({ id }) => chosen.includes(id)) : options;
  }

  /**
   * The reasons of a reserved answer.
   *
   * @param {Step} step
   * @param {Answer | undefined} answer
   */
  #reserved(step, answer) {
    const { rubric } = this.#now();
    const state = answer?.state;
    if (!answer || (state !== "unsure" && state !== "cannot_assess")) return null;
    const rule = rubric.reserved[state];
    const head = h("p.with-key", {}, h("span.chip.chip-reserved", {}, t(state === "unsure" ? "unsure" : "cannotAssess")),
      h("button.btn.btn-quiet.btn-sm", { type: "button", "data-focus": "take-back", onclick: () => this.handlers.onAnswer(step, undefined, "more") }, t("takeBack")));
    if (rule.reasons.length) {
      return h("div.reserved-answer", {}, head, h("div.opts", { role: "radiogroup", "aria-label": t("whyNot") }, h("p.label", {}, t("whyNot"), rule.needs_reason ? "" : ` ${t("optional")}`), rule.reasons.map((reason, index) => {
        const input = h("input", { type: "radio", name: "reason", "data-focus": `reason:${reason}`, onchange: () => this.handlers.onAnswer(step, { ...answer, reason }, "choice") });
        if (input instanceof HTMLInputElement) input.checked = answer.reason === reason;
        return h("label.opt", {}, index < SHORT_LIST ? h("kbd.key", { "aria-hidden": "true" }, String(index + 1)) : null, input, h("span.opt-name", {}, reasonWords(reason)));
      })));
    }
    const area = h("textarea.area", { rows: "2", maxlength: "500", id: "reserved-reason", "data-focus": "reason", oninput: (event) => this.handlers.onAnswer(step, { ...answer, reason: event.target.value }, "typing") });
    if (area instanceof HTMLTextAreaElement) area.value = answer.reason ?? "";
    return h("div.reserved-answer", {}, head, h("div.field", {}, h("label", { for: "reserved-reason" }, t("whyNot"), rule.needs_reason ? "" : ` ${t("optional")}`), area));
  }

  /**
   * @param {Step} step
   * @param {Answer | undefined} answer
   * @param {Rubric} rubric
   */
  #evidence(step, answer, rubric) {
    if (!step.question.cite || !rubric.categories.length) return null;
    const clauses = answer?.clauses ?? [];
    return h("div.evidence", {}, h("span", {}, t("clausesCited")), clauses.map((id) => h("button.chip.chip-gold", {
      type: "button", "aria-label": t("uncite", { clause: id }), "data-focus": `cited:${id}`, onclick: () => this.handlers.onUncite(id),
    }, icon("check"), id)), clauses.length ? null : h("span", {}, t("noneYet")), h("span.end.with-key.hide-small", {}, h("kbd.key", {}, capOf("cite")), t("cites")));
  }
}

/**
 * The key of "none": 0, unless an option has it.
 *
 * @param {Step} step
 * @returns {string}
 */
function noneKey(step) {
  return step.question.options.some(({ hotkey }) => hotkey === "0") ? "" : "0";
}

/**
 * @param {Answer | undefined} answer
 * @returns {Answer}
 */
function kept(answer) {
  return answer?.clauses ? { clauses: answer.clauses } : {};
}

/**
 * "None", or nothing said at all when it was said already.
 *
 * @param {Answer | undefined} answer
 * @returns {Answer | undefined}
 */
function emptied(answer) {
  return Array.isArray(answer?.value) && !answer.value.length ? undefined : { ...kept(answer), value: [] };
}

/**
 * @param {Answer | undefined} answer
 * @param {Span[]} spans
 * @param {number} index
 * @returns {Answer | undefined}
 */
function withoutSpan(answer, spans, index) {
  const rest = spans.filter((_, at) => at !== index);
  return rest.length ? { ...kept(answer), value: rest } : undefined;
}

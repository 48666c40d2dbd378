// The desk: one item with its questions and clauses, and what the person does with them. It sends nothing.
import { fill, h, must, put, say } from "../lib/dom.js";
import { writeDraft } from "../lib/drafts.js";
import { answerOf, chosenCategories, isGiven, lackOf, lacks, nextStep, spansOf, stepsOf, withAnswer } from "./answers.js";
import { care } from "./care.js";
import { ClausePanel } from "./clauses.js";
import { ItemView, turnsOf } from "./item.js";
import { adopt } from "./keys.js";
import { toast } from "./notices.js";
import { Rail } from "./rail.js";
import { besideItem, lookedAt } from "./responses.js";
import { t } from "./texts.js";
import { lackWords, languageName } from "./words.js";

/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").Assignment} Assignment */
/** @typedef {import("./types.js").Problem} Problem */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./types.js").Span} Span */

/**
 * What the person is at work on.
 *
 * @typedef {object} Work
 * @property {Assignment} assignment
 * @property {Rubric} rubric
 * @property {Answers} answers
 * @property {string} annotationId the key under which it is sent, however often
 * @property {import("../lib/queue.js").Entry["former"]} former what was sent before and taken back
 * @property {string} open key of the open step
 * @property {{ answers: Answers, open: string }[]} history
 * @property {Map<string, string>} problems
 * @property {boolean} revising
 * @property {boolean} readOnly
 */

const MINUTE = 60_000;

export class Desk {
  /**
   * @param {HTMLElement} root
   * @param {string} userId
   * @param {(kept: boolean) => void} [onDraft] a draft was written, or this browser keeps none
   */
  constructor(root, userId, onDraft = () => {}) {
    this.root = root;
    this.userId = userId;
    this.onDraft = onDraft;
    /** Where the API has the places that lie here, and with them the files of their items. */
    this.places = "/assignments";
    this.item = new ItemView(must("#turns"), { onReveal: (part) => this.#noteReveal(part), onSelect: (span) => this.#offerMark(span) });
    this.rail = new Rail(must("#questions"), {
      onOpen: (key) => this.open(key, { write: true }),
      onAnswer: (step, answer, how) => this.#answer(step, answer, how),
      onMarkLabel: (label) => { this.markLabel = label; this.draw(); },
      onFilter: (words) => { this.filter = words; this.draw(); },
      onUncite: (clause) => this.#cite(clause),
    });
    this.clauses = new ClausePanel(must("#clauses"), {
      onCite: (clause) => this.#cite(clause),
      onCategory: (category) => { this.category = category; this.#drawClauses(category); },
      onLeave: () => this.rail.focusOpen({ write: false }),
    });
    /** @type {Work | null} */
    this.work = null;
    this.markLabel = "";
    this.filter = "";
    this.category = "";
    /** While an annotation is under way nothing can be changed. */
    this.busy = false;
    /** Whether something was submitted here that may be opened again. */
    this.hasLast = false;
    this.lastKey = "";
    /** Told of everything that is revealed. */
    this.onreveal = (/** @type {string} */ _part) => {};
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.idleTimer = undefined;
  }

  /**
   * Lay an item on the desk.
   *
   * @param {Work} work
   */
  lay(work) {
    this.clauses.citing = false;
    must("#mark-bar").hidden = true;
    this.work = work;
    work.rubric = besideItem(work.rubric, work.assignment.item);
    adopt(work.rubric);
    this.filter = "";
    this.category = "";
    this.markLabel = "";
    this.#showItem();
    const first = nextStep(work.rubric, work.answers, "") ?? stepsOf(work.rubric, work.answers)[0];
    const oneColumn = matchMedia("(max-width: 62rem)").matches;
    this.open(first?.key ?? "", { write: false, focus: !oneColumn });
    if (oneColumn) {
      scrollTo(0, 0);
      must("#item-h").focus({ preventScroll: true });
    }
    say(t("itemReady", { item: work.assignment.item.external_id, question: first?.question.text ?? "" }));
  }

  /** Take everything off the desk. */
  clear() {
    this.work = null;
    this.clauses.citing = false;
    this.item.clear();
    must("#mark-bar").hidden = true;
  }

  /**
   * Take back the last choice. Tells whether there was one.
   *
   * @returns {boolean}
   */
  undo() {
    const work = this.work;
    const before = work?.history.pop();
    if (!work || !before || work.readOnly) return false;
    work.answers = before.answers;
    work.problems.clear();
    this.keepDraft();
    this.#paintMarks();
    this.open(before.open, { write: false });
    say(t("undone"));
    return true;
  }

  /** @returns {Work} */
  now() {
    if (!this.work) throw new Error("No item is open");
    return this.work;
  }

  #showItem() {
    const { assignment: { item, needs_reveal: needsReveal }, rubric } = this.now();
    const turns = turnsOf(item);
    const spoken = turns.filter(({ role }) => role !== "system").length;
    put(must("#item-id"), item.external_id);
    put(must("#item-h"), t("itemTitle", { item: item.external_id }));
    const responses = turns.filter(({ name }) => name !== undefined).length;
    if (responses) put(must("#item-kind"), t("responsesOf", { count: responses }));
    else put(must("#item-kind"), turns.length > 1 ? t("conversationOf", { count: spoken }) : t("singleText"));
    put(must("#item-language"), item.language ? `· ${languageName(item.language)}` : "");
    this.#showMetadata(item.metadata ?? {}, rubric.item.show);
    const targets = rubric.questions.map(({ target }) => target);
    const all = targets.some((target) => !["prompt", "response"].includes(target ?? ""));
    const asked = turns.filter(({ role }) => (role === "user" && targets.includes("prompt")) || (role === "assistant" && targets.includes("response")));
    this.item.show(item, {
      conceal: care().conceal || (needsReveal ?? rubric.display.conceal !== "never"),
      hold: care().hold || rubric.display.reveal === "hold",
      askedAbout: all ? null : new Set(asked.map(({ target }) => target)),
      notice: rubric.display.notice,
      mediaAddress: `${this.root.dataset["api"] ?? "/api/v1"}${this.places}/${encodeURIComponent(this.now().assignment.id)}/media/`,
    });
    this.#paintMarks();
  }

  /**
   * @param {Record<string, unknown>} metadata
   * @param {string[]} show
   */
  #showMetadata(metadata, show) {
    const rows = show.filter((key) => metadata[key] !== undefined && metadata[key] !== null && typeof metadata[key] !== "object");
    must("#item-facts").hidden = rows.length === 0;
    fill(must("#item-facts dl"), rows.flatMap((key) => [h("dt", {}, key.replaceAll("_", " ")), h("dd", { dir: "auto" }, String(metadata[key]))]));
  }

  /** @returns {Step | undefined} */
  openStep() {
    const { rubric, answers, open } = this.now();
    return stepsOf(rubric, answers).find(({ key }) => key === open);
  }

  /** The label that the next mark gets: the one picked, else the first that fits. */
  #settleMarkLabel() {
    const { rubric, answers } = this.now();
    const step = this.#spanStep();
    if (!step) return;
    const chosen = step.question.options_from === "categories" ? chosenCategories(rubric, answers) : [];
    const open = step.question.options.filter(({ id }) => !chosen.length || chosen.includes(id));
    if (!open.some(({ id }) => id === this.markLabel)) this.markLabel = open[0]?.id ?? "";
  }

  draw() {
    const work = this.now();
    this.#settleMarkLabel();
    const steps = stepsOf(work.rubric, work.answers);
    const texts = new Map(turnsOf(work.assignment.item).map(({ target, text }) => [target, text]));
    this.rail.show({ ...work, steps, texts, markLabel: this.markLabel, filter: this.filter });
    this.#drawCounts(steps);
    this.#drawClauses();
    this.item.setJudged(lookedAt(this.openStep(), work.assignment.item));
  }

  /** @param {Step[]} steps */
  #drawCounts(steps) {
    const { rubric, answers, revising, readOnly } = this.now();
    this.root.dataset["readonly"] = readOnly ? "yes" : "no";
    const asked = steps.filter(({ standing }) => standing === "asked");
    const given = asked.filter((step) => isGiven(answerOf(answers, step)));
    const left = lacks(rubric, answers).length;
    put(must("#question-count"), t("countOf", { done: given.length, total: asked.length }));
    put(must("#left"), left ? t("left", { count: left }) : t("complete"));
    put(must("#submit-words"), this.root.dataset["practice"] ? t("practiceCheck") : t(revising ? "submitChange" : "submit"));
    const submit = must("#submit");
    submit.classList.toggle("btn-waits", left > 0);
    submit.hidden = readOnly;
    put(must("#undo-words"), t(this.now().history.length || !this.hasLast ? "undo" : "undoSubmission"));
    const open = this.openStep();
    for (const state of /** @type {const} */ (["unsure", "cannot_assess"])) {
      const allowed = open ? open.question.reserved.includes(state) && !readOnly : false;
      const button = must(`[data-act="${state}"]`);
      if (allowed) button.removeAttribute("aria-disabled");
      else button.setAttribute("aria-disabled", "true");
      button.setAttribute("aria-pressed", String(open !== undefined && answerOf(answers, open)?.state === state));
    }
  }

  /** @param {string} [picked] the category that was asked for, whatever the open question is about */
  #drawClauses(picked) {
    const { rubric, answers } = this.now();
    const step = this.#citable();
    const open = this.openStep();
    const marked = open?.question.type === "span" && open.question.options_from === "categories" ? this.markLabel : "";
    const category = picked ?? (open?.category || marked || this.category);
    this.clauses.show(rubric, category, {
      cited: step ? answerOf(answers, step)?.clauses ?? [] : [], canCite: step !== null, help: rubric.categories.length ? null : open?.question.help ?? null,
    });
  }

  #paintMarks() {
    const { rubric, answers } = this.now();
    this.item.setMarks(spansOf(rubric, answers).map(({ span, step }) => ({
      span, tag: step.question.options.find(({ id }) => id === span.label)?.label ?? "",
    })));
  }

  /**
   * Open a step and put the focus there.
   *
   * @param {string} key
   * @param {{ write: boolean, focus?: boolean }} how `write`: the focus goes into a text field
   */
  open(key, { write, focus = true }) {
    const work = this.now();
    if (key !== work.open) this.filter = "";
    work.open = key;
    this.draw();
    if (focus) this.rail.focusOpen({ write });
  }

  /** @param {1 | -1} by */
  move(by) {
    const { rubric, answers, open } = this.now();
    const steps = stepsOf(rubric, answers).filter(({ standing }) => standing === "asked");
    const at = steps.findIndex(({ key }) => key === open);
    const step = steps[Math.min(Math.max(at + by, 0), steps.length - 1)];
    if (step) this.open(step.key, { write: false });
  }

  /**
   * @param {Step} step
   * @param {Answer | undefined} answer
   * @param {"choice" | "typing" | "more"} how
   */
  #answer(step, answer, how) {
    const work = this.now();
    if (work.readOnly || this.busy) return;
    const before = work.answers;
    if (how !== "typing" || !isGiven(answerOf(before, step))) this.#remember();
    work.answers = withAnswer(before, step, answer);
    work.problems.delete(step.key);
    this.#noteCategory(step, before);
    this.keepDraft();
    if (how === "typing") {
      this.#drawCounts(stepsOf(work.rubric, work.answers));
      return;
    }
    this.#paintMarks();
    const arrow = this.lastKey.startsWith("Arrow");
    if (how === "choice" && !arrow && lackOf(work.rubric, step, answer) === null) this.#advance(step.key);
    else this.open(work.open, { write: false });
  }

  /**
   * The category that was chosen last is the one whose clauses are shown.
   *
   * @param {Step} step
   * @param {Answers} before
   */
  #noteCategory(step, before) {
    if (step.question.options_from !== "categories" || step.question.type === "span") return;
    const had = answerOf(before, step)?.value;
    const has = answerOf(this.now().answers, step)?.value;
    const list = (/** @type {unknown} */ value) => (Array.isArray(value) ? value : [value]);
    const added = list(has).find((one) => typeof one === "string" && !list(had).includes(one));
    if (typeof added === "string") this.category = added;
    else if (this.category && !list(has).includes(this.category)) this.category = "";
  }

  /** @param {string} from */
  #advance(from) {
    const { rubric, answers } = this.now();
    const next = nextStep(rubric, answers, from);
    if (next) {
      this.open(next.key, { write: true });
      return;
    }
    this.open(from, { write: false, focus: false });
    must("#submit").focus({ preventScroll: true });
    say(t("complete"));
  }

  #remember() {
    const { history, answers, open } = this.now();
    history.push({ answers, open });
  }

  keepDraft() {
    const { assignment, answers, annotationId, former } = this.now();
    const draft = { answers, annotationId, revision: assignment.revision, savedAt: Date.now(), ...(former.length ? { former } : {}) };
    this.onDraft(writeDraft(this.userId, assignment.id, draft));
  }

  /** @param {"unsure" | "cannot_assess"} state */
  reserve(state) {
    const work = this.now();
    const step = this.openStep();
    if (!step || work.readOnly) return;
    if (!step.question.reserved.includes(state)) {
      toast(t(step.question.type === "text" ? "textTakesNone" : "reservedClosed"));
      return;
    }
    const clauses = answerOf(work.answers, step)?.clauses;
    const rule = work.rubric.reserved[state];
    const wantsReason = rule.needs_reason || (state === "cannot_assess" && rule.reasons.length > 0);
    this.#answer(step, { state, ...(clauses ? { clauses } : {}) }, wantsReason ? "more" : "choice");
    if (wantsReason) {
      const field = document.querySelector(".reserved-answer input, .reserved-answer textarea");
      if (field instanceof HTMLElement) field.focus({ preventScroll: true });
    }
  }

  /** The step that a citation goes to: the open one, or the nearest before it that takes clauses. */
  #citable() {
    const { rubric, answers, open } = this.now();
    const steps = stepsOf(rubric, answers).filter(({ standing }) => standing === "asked");
    const at = steps.findIndex(({ key }) => key === open);
    return steps.slice(0, at + 1).reverse().find(({ question }) => question.cite) ?? null;
  }

  /** @param {string} clause */
  #cite(clause) {
    const step = this.#citable();
    if (!step || this.now().readOnly) return;
    const answer = answerOf(this.now().answers, step) ?? {};
    const had = answer.clauses ?? [];
    const clauses = had.includes(clause) ? had.filter((one) => one !== clause) : [...had, clause];
    this.clauses.citing = false;
    this.#answer(step, { ...answer, clauses }, "more");
    say(t(had.includes(clause) ? "unciteDone" : "citeDone", { clause }));
  }

  startCiting() {
    if (!this.#citable() && this.clauses.category) {
      toast(t("takesNoClause"));
      return;
    }
    this.clauses.citing = !this.clauses.citing;
    this.clauses.typed = "";
    this.#drawClauses();
    must("#clauses").scrollIntoView({ block: "nearest" });
    if (this.clauses.citing) say(t("citeNow"));
  }

  /** @param {string} digit */
  citeDigit(digit) {
    const chosen = this.clauses.digit(digit);
    if (!chosen) return;
    if (chosen.isClause) {
      this.#cite(chosen.id);
    } else {
      this.category = chosen.id;
      this.#drawClauses(chosen.id);
    }
  }

  /** @param {Span | null} span */
  #offerMark(span) {
    must("#mark-bar").hidden = span === null || !this.work || this.#spanStep() === null;
  }

  /** @returns {Step | null} */
  #spanStep() {
    const { rubric, answers, open } = this.now();
    const steps = stepsOf(rubric, answers).filter(({ standing, question }) => standing === "asked" && question.type === "span");
    return steps.find(({ key }) => key === open) ?? steps[0] ?? null;
  }

  mark() {
    const work = this.now();
    const step = this.#spanStep();
    const span = this.item.selected;
    if (!step || work.readOnly) {
      toast(t("noSpanQuestion"));
      return;
    }
    if (!span) {
      toast(t("selectFirst"));
      return;
    }
    const { target } = step.question;
    if ((target === "prompt" || target === "response" || target === "text") && span.target !== target && !span.target.startsWith("message:")) {
      toast(t("markElsewhere"));
      return;
    }
    const made = step.question.options.length ? { ...span, label: this.markLabel } : span;
    const answer = answerOf(work.answers, step);
    const before = /** @type {Span[]} */ (Array.isArray(answer?.value) ? answer.value.filter((one) => typeof one === "object") : []);
    const same = (/** @type {Span} */ one) => one.target === made.target && one.start === made.start && one.end === made.end && one.label === made.label;
    if (!before.some(same)) {
      const value = [...before, made].sort((a, b) => a.target.localeCompare(b.target) || a.start - b.start || a.end - b.end);
      work.open = step.key;
      this.#answer(step, { ...answer, state: "answered", value }, "more");
    }
    this.item.clearSelection();
    say(t("marked"));
  }

  /** @param {{ step: Step, lack: import("./answers.js").Lack }[]} missing */
  showLacks(missing) {
    const work = this.now();
    const here = missing.find(({ step }) => step.key === work.open);
    const open = here ?? missing[0];
    if (!open) return;
    const wrong = missing.filter((one) => one.lack !== "missing" || one === here);
    work.problems = new Map(wrong.map(({ step, lack }) => [step.key, lackWords(step, lack)]));
    this.open(open.step.key, { write: true });
    say(here ? `${open.step.question.text}: ${lackWords(open.step, open.lack)}` : open.step.question.text);
  }

  /** @param {Problem[]} problems */
  showProblems(problems) {
    const work = this.now();
    const steps = stepsOf(work.rubric, work.answers);
    const placed = problems.map((problem) => ({
      problem, step: steps.find(({ question, category }) => question.id === problem.question && category === (problem.category ?? "")) ?? steps.find(({ question }) => question.id === problem.question),
    }));
    work.problems = new Map(placed.flatMap(({ problem, step }) => (step ? [[step.key, problem.message]] : [])));
    const first = placed.find(({ step }) => step?.standing === "asked")?.step;
    if (first) this.open(first.key, { write: true });
    else this.draw();
  }

  /** @param {string} part */
  #noteReveal(part) {
    this.restIdle();
    this.onreveal(part);
    say(t("revealed"));
  }

  restIdle() {
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => {
      if (this.item.concealing && this.item.revealed.size) {
        this.item.hideAll();
        toast(t("hiddenWhenIdle"));
      }
    }, care().idle_minutes * MINUTE);
  }

  write() {
    const step = this.openStep();
    if (step && ["text", "number"].includes(step.question.type)) {
      this.rail.focusOpen({ write: true });
      return;
    }
    const { rubric, answers } = this.now();
    const text = stepsOf(rubric, answers).find(({ question, standing }) => question.type === "text" && standing === "asked");
    if (text) this.open(text.key, { write: true });
    else toast(t("noTextQuestion"));
  }

  hide() {
    if (this.item.concealing) this.item.hideAll();
    else this.item.concealAll();
  }

  filterOptions() {
    const field = document.querySelector(".q-open .q-filter");
    if (field instanceof HTMLElement) field.focus();
  }

  escape() {
    if (this.clauses.citing) {
      this.clauses.citing = false;
      this.#drawClauses();
    } else if (this.item.selected) {
      this.item.clearSelection();
    } else if (this.work) {
      const legend = document.querySelector(".q-open [data-step]");
      if (legend instanceof HTMLElement) legend.focus({ preventScroll: true });
    }
  }

  /** @param {string} key */
  press(key) {
    const step = this.work ? this.openStep() : undefined;
    return step ? this.rail.press(step, key) : false;
  }
}

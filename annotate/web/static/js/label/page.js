// The labelling page: claim, read, answer, submit, next, without loading a page in between.
import { fill, h, icon, must, say } from "../lib/dom.js";
import { dropDraft, pendingDrafts, readDraft, writeDraft } from "../lib/drafts.js";
import { answerOf, chosenCategories, isGiven, lackOf, lacks, nextStep, spansOf, stepsOf, submissionOf, withAnswer } from "./answers.js";
import { Api, ApiError, persistently } from "./api.js";
import { ClausePanel } from "./clauses.js";
import { ask, askMine, askOptOut, askReport, closeDialogs } from "./dialogs.js";
import { ItemView, turnsOf } from "./item.js";
import { listen, setSingleKeys, singleKeysOn } from "./keys.js";
import { Lease } from "./lease.js";
import { banner, clearBanner, clearToast, pill, toast } from "./notices.js";
import { Rail } from "./rail.js";
import { readRubric } from "./rubric.js";
import { t, tOr } from "./texts.js";
import { uuid7 } from "./uuid7.js";
import { lackWords } from "./words.js";

/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").Assignment} Assignment */
/** @typedef {import("./types.js").Problem} Problem */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./types.js").Span} Span */
/** @typedef {import("./notices.js").Action} Action */

/**
 * What the person is at work on.
 *
 * @typedef {object} Work
 * @property {Assignment} assignment
 * @property {Rubric} rubric
 * @property {Answers} answers
 * @property {string} annotationId the key under which it is sent, however often
 * @property {string} open key of the open step
 * @property {{ answers: Answers, open: string }[]} history
 * @property {Map<string, string>} problems
 * @property {boolean} revising
 * @property {boolean} readOnly
 */

const HIDE_WHEN_IDLE = 3 * 60_000;
const LOOK_AGAIN = 60;
const READING = "touchstone.reading-size";

export class LabelPage {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.userId = root.dataset["userId"] ?? "";
    this.roundId = root.dataset["roundId"] ?? "";
    this.api = new Api(root.dataset["api"] ?? "/api/v1", root.dataset["csrf"] ?? "");
    this.lease = new Lease(this.api, () => this.#leaseLost());
    this.item = new ItemView(must("#turns"), { onReveal: () => this.#noteReveal(), onSelect: (span) => this.#offerMark(span) });
    this.rail = new Rail(must("#questions"), {
      onOpen: (key) => this.open(key, { write: true }),
      onAnswer: (step, answer, how) => this.#answer(step, answer, how),
      onMarkLabel: (label) => { this.markLabel = label; this.#draw(); },
      onFilter: (words) => { this.filter = words; this.#draw(); },
      onUncite: (clause) => this.#cite(clause),
    });
    this.clauses = new ClausePanel(must("#clauses"), {
      onCite: (clause) => this.#cite(clause),
      onCategory: (category) => { this.category = category; this.#drawClauses(category); },
    });
    /** @type {Work | null} */
    this.work = null;
    /** @type {Map<string, Rubric>} */
    this.rubrics = new Map();
    /** @type {{ itemId: string, answers: Answers } | null} answers of a place that was lost, should the item come again */
    this.carried = null;
    /** @type {string | null} the last assignment that was submitted here */
    this.last = null;
    this.markLabel = "";
    this.filter = "";
    this.category = "";
    this.busy = false;
    this.lastKey = "";
    this.done = Number(root.dataset["done"] ?? "0");
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.idleTimer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.lookTimer = undefined;
    this.#listen();
  }

  async start() {
    this.#showProgress();
    await this.#sendPending();
    const revise = this.root.dataset["revise"];
    if (revise) await this.change(revise);
    else await this.next();
  }

  // ------------------------------------------------------------------ getting work

  /** Take the next item, or say why there is none. */
  async next() {
    clearTimeout(this.lookTimer);
    this.#stage("loading");
    const claimed = await this.#trying(() => this.api.claim(this.roundId));
    if (!claimed) return;
    if (claimed.assignment) await this.#take(claimed.assignment, false);
    else this.#showEmpty(claimed.reason ?? "exhausted", claimed.retry_after);
  }

  /**
   * Open one of one's own submissions to change it.
   *
   * @param {string} assignmentId
   */
  async change(assignmentId) {
    this.#stage("loading");
    const assignment = await this.#trying(() => this.api.assignment(assignmentId));
    if (!assignment) return;
    await this.#take(assignment, assignment.state !== "leased");
  }

  /**
   * @param {Assignment} assignment
   * @param {boolean} revising
   */
  async #take(assignment, revising) {
    const rubric = await this.#rubric(assignment.rubric_version_id);
    if (!rubric) return;
    const draft = readDraft(this.userId, assignment.id);
    const carried = this.carried?.itemId === assignment.item.id ? this.carried.answers : null;
    const fits = draft && draft.revision === assignment.revision ? draft : null;
    const answers = fits?.answers ?? carried ?? assignment.answers ?? {};
    this.carried = null;
    this.work = {
      assignment, rubric, answers, annotationId: fits?.annotationId ?? uuid7(), open: "", history: [], problems: new Map(), revising, readOnly: false,
    };
    this.filter = "";
    this.category = "";
    this.markLabel = "";
    if (revising) this.lease.release();
    else this.lease.hold(assignment);
    this.#stage("work");
    this.#showItem();
    clearBanner();
    if (revising) {
      banner("met", t("changing", { item: assignment.item.external_id }), t("changingBody"), [{ text: t("leaveChange"), act: () => void this.#leaveChange(), kind: "quiet" }]);
    }
    pill(fits ? "plain" : "saved", t(fits ? "draftKept" : "saved"));
    const first = nextStep(rubric, answers, "") ?? stepsOf(rubric, answers)[0];
    const oneColumn = matchMedia("(max-width: 62rem)").matches;
    this.open(first?.key ?? "", { write: false, focus: !oneColumn });
    if (oneColumn) {
      scrollTo(0, 0);
      must("#item-h").focus({ preventScroll: true });
    }
    say(t("itemReady", { item: assignment.item.external_id, question: first?.question.text ?? "" }));
  }

  async #leaveChange() {
    if (this.work) dropDraft(this.userId, this.work.assignment.id);
    await this.next();
  }

  /**
   * @param {string} id
   * @returns {Promise<Rubric | null>}
   */
  async #rubric(id) {
    const known = this.rubrics.get(id);
    if (known) return known;
    const raw = await this.#trying(() => this.api.rubric(id));
    if (!raw) return null;
    const rubric = readRubric(raw, { yes: t("yes"), no: t("no") });
    this.rubrics.set(id, rubric);
    return rubric;
  }

  /**
   * Ask the server until it answers; a refusal is shown, and gives null.
   *
   * @template T
   * @param {() => Promise<T>} attempt
   * @returns {Promise<T | null>}
   */
  async #trying(attempt) {
    try {
      const got = await persistently(attempt, () => {
        pill("waiting", t("offline"));
        must("#stage-text").textContent = t("offlineBody");
      });
      pill("saved", t("saved"));
      return got;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#showRefusal(error);
      return null;
    }
  }

  // ------------------------------------------------------------------ what is on the page

  /** @param {"loading" | "work" | "empty"} name */
  #stage(name) {
    closeDialogs();
    this.clauses.citing = false;
    this.root.dataset["stage"] = name;
    must("#stage-loading").hidden = name !== "loading";
    must("#stage-empty").hidden = name !== "empty";
    must("#label-page").hidden = name !== "work";
    must("#mark-bar").hidden = true;
    if (name === "loading") must("#stage-text").textContent = t("loading");
    if (name !== "work") {
      this.work = null;
      this.item.clear();
    }
  }

  /** @returns {Work} */
  #now() {
    if (!this.work) throw new Error("No item is open");
    return this.work;
  }

  #showItem() {
    const { assignment: { item, needs_reveal: needsReveal }, rubric } = this.#now();
    const turns = turnsOf(item);
    const spoken = turns.filter(({ role }) => role !== "system").length;
    must("#item-id").textContent = item.external_id;
    must("#item-h").textContent = t("itemTitle", { item: item.external_id });
    must("#item-kind").textContent = turns.length > 1 ? t("conversationOf", { count: spoken }) : t("singleText");
    must("#item-language").textContent = item.language ? `· ${languageName(item.language)}` : "";
    this.#showMetadata(item.metadata ?? {}, rubric.item.show);
    const targets = rubric.questions.map(({ target }) => target);
    const all = targets.some((target) => !["prompt", "response"].includes(target ?? ""));
    const asked = turns.filter(({ role }) => (role === "user" && targets.includes("prompt")) || (role === "assistant" && targets.includes("response")));
    this.item.show(item, {
      conceal: needsReveal ?? rubric.display.conceal !== "never",
      hold: rubric.display.reveal === "hold",
      askedAbout: all ? null : new Set(asked.map(({ target }) => target)),
      notice: rubric.display.notice,
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
  #openStep() {
    const { rubric, answers, open } = this.#now();
    return stepsOf(rubric, answers).find(({ key }) => key === open);
  }

  /** The label that the next mark gets: the one picked, else the first that fits. */
  #settleMarkLabel() {
    const { rubric, answers } = this.#now();
    const step = this.#spanStep();
    if (!step) return;
    const chosen = step.question.options_from === "categories" ? chosenCategories(rubric, answers) : [];
    const open = step.question.options.filter(({ id }) => !chosen.length || chosen.includes(id));
    if (!open.some(({ id }) => id === this.markLabel)) this.markLabel = open[0]?.id ?? "";
  }

  #draw() {
    const work = this.#now();
    this.#settleMarkLabel();
    const steps = stepsOf(work.rubric, work.answers);
    const texts = new Map(turnsOf(work.assignment.item).map(({ target, text }) => [target, text]));
    this.rail.show({ ...work, steps, texts, markLabel: this.markLabel, filter: this.filter });
    this.#drawCounts(steps);
    this.#drawClauses();
    this.item.setJudged(this.#openStep()?.question.target);
  }

  /** @param {Step[]} steps */
  #drawCounts(steps) {
    const { rubric, answers, revising, readOnly } = this.#now();
    this.root.dataset["readonly"] = readOnly ? "yes" : "no";
    const asked = steps.filter(({ standing }) => standing === "asked");
    const given = asked.filter((step) => isGiven(answerOf(answers, step)));
    const left = lacks(rubric, answers).length;
    must("#question-count").textContent = t("countOf", { done: given.length, total: asked.length });
    must("#left").textContent = left ? t("left", { count: left }) : t("complete");
    must("#submit-words").textContent = t(revising ? "submitChange" : "submit");
    const submit = must("#submit");
    submit.classList.toggle("btn-waits", left > 0);
    submit.hidden = readOnly;
    must("#undo-words").textContent = t(this.#now().history.length || !this.last ? "undo" : "undoSubmission");
    const open = this.#openStep();
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
    const { rubric, answers } = this.#now();
    const step = this.#citable();
    const open = this.#openStep();
    const marked = open?.question.type === "span" && open.question.options_from === "categories" ? this.markLabel : "";
    const category = picked ?? (open?.category || marked || this.category);
    this.clauses.show(rubric, category, {
      cited: step ? answerOf(answers, step)?.clauses ?? [] : [], canCite: step !== null, help: rubric.categories.length ? null : open?.question.help ?? null,
    });
  }

  #paintMarks() {
    const { rubric, answers } = this.#now();
    this.item.setMarks(spansOf(rubric, answers).map(({ span, step }) => ({
      span, tag: step.question.options.find(({ id }) => id === span.label)?.label ?? "",
    })));
  }

  #showProgress() {
    const planned = Number(this.root.dataset["planned"] ?? "0");
    const bar = document.querySelector("#own-progress progress");
    if (bar instanceof HTMLProgressElement && planned) bar.value = this.done;
    const words = document.querySelector("#own-progress span");
    if (words) words.textContent = planned ? t("countOf", { done: this.done, total: planned }) : t("doneHere", { count: this.done });
  }

  // ------------------------------------------------------------------ answering

  /**
   * Open a step and put the focus there.
   *
   * @param {string} key
   * @param {{ write: boolean, focus?: boolean }} how `write`: the focus goes into a text field
   */
  open(key, { write, focus = true }) {
    const work = this.#now();
    if (key !== work.open) this.filter = "";
    work.open = key;
    this.#draw();
    if (focus) this.rail.focusOpen({ write });
  }

  /** @param {1 | -1} by */
  #move(by) {
    const { rubric, answers, open } = this.#now();
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
    const work = this.#now();
    if (work.readOnly || this.busy) return;
    const before = work.answers;
    if (how !== "typing" || !isGiven(answerOf(before, step))) this.#remember();
    work.answers = withAnswer(before, step, answer);
    work.problems.delete(step.key);
    this.#noteCategory(step, before);
    this.#keepDraft();
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
    const has = answerOf(this.#now().answers, step)?.value;
    const list = (/** @type {unknown} */ value) => (Array.isArray(value) ? value : [value]);
    const added = list(has).find((one) => typeof one === "string" && !list(had).includes(one));
    if (typeof added === "string") this.category = added;
    else if (this.category && !list(has).includes(this.category)) this.category = "";
  }

  /** @param {string} from */
  #advance(from) {
    const { rubric, answers } = this.#now();
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
    const { history, answers, open } = this.#now();
    history.push({ answers, open });
  }

  #keepDraft() {
    const { assignment, answers, annotationId } = this.#now();
    const kept = writeDraft(this.userId, assignment.id, { answers, annotationId, revision: assignment.revision, savedAt: Date.now() });
    pill(kept ? "plain" : "waiting", t(kept ? "draftKept" : "draftNotKept"));
  }

  /** Undo the last choice, or open the last submission again. */
  #undo() {
    const work = this.work;
    const before = work?.history.pop();
    if (work && before && !work.readOnly) {
      work.answers = before.answers;
      work.problems.clear();
      this.#keepDraft();
      this.#paintMarks();
      this.open(before.open, { write: false });
      say(t("undone"));
    } else if (this.last && !work?.revising) {
      clearToast();
      void this.change(this.last);
    } else {
      toast(t("nothingToUndo"));
    }
  }

  /** @param {"unsure" | "cannot_assess"} state */
  #reserve(state) {
    const work = this.#now();
    const step = this.#openStep();
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
    const { rubric, answers, open } = this.#now();
    const steps = stepsOf(rubric, answers).filter(({ standing }) => standing === "asked");
    const at = steps.findIndex(({ key }) => key === open);
    return steps.slice(0, at + 1).reverse().find(({ question }) => question.cite) ?? null;
  }

  /** @param {string} clause */
  #cite(clause) {
    const step = this.#citable();
    if (!step || this.#now().readOnly) return;
    const answer = answerOf(this.#now().answers, step) ?? {};
    const had = answer.clauses ?? [];
    const clauses = had.includes(clause) ? had.filter((one) => one !== clause) : [...had, clause];
    this.clauses.citing = false;
    this.#answer(step, { ...answer, clauses }, "more");
    say(t(had.includes(clause) ? "unciteDone" : "citeDone", { clause }));
  }

  #startCiting() {
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
  #citeDigit(digit) {
    const chosen = this.clauses.digit(digit);
    if (!chosen) return;
    if (chosen.isClause) {
      this.#cite(chosen.id);
    } else {
      this.category = chosen.id;
      this.#drawClauses(chosen.id);
    }
  }

  // ------------------------------------------------------------------ passages

  /** @param {Span | null} span */
  #offerMark(span) {
    must("#mark-bar").hidden = span === null || !this.work || this.#spanStep() === null;
  }

  /** @returns {Step | null} */
  #spanStep() {
    const { rubric, answers, open } = this.#now();
    const steps = stepsOf(rubric, answers).filter(({ standing, question }) => standing === "asked" && question.type === "span");
    return steps.find(({ key }) => key === open) ?? steps[0] ?? null;
  }

  #mark() {
    const work = this.#now();
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

  // ------------------------------------------------------------------ sending

  /** Enter: submit when complete, else go to the first open question. */
  async submit() {
    const work = this.work;
    if (!work || this.busy || work.readOnly) return;
    const missing = lacks(work.rubric, work.answers);
    if (missing.length) {
      this.#showLacks(missing);
      return;
    }
    await this.#send(work);
  }

  /** @param {{ step: Step, lack: import("./answers.js").Lack }[]} missing */
  #showLacks(missing) {
    const work = this.#now();
    const here = missing.find(({ step }) => step.key === work.open);
    const open = here ?? missing[0];
    if (!open) return;
    const wrong = missing.filter((one) => one.lack !== "missing" || one === here);
    work.problems = new Map(wrong.map(({ step, lack }) => [step.key, lackWords(step, lack)]));
    this.open(open.step.key, { write: true });
    say(here ? `${open.step.question.text}: ${lackWords(open.step, open.lack)}` : open.step.question.text);
  }

  /** @param {Work} work */
  async #send(work) {
    const { assignment, annotationId, rubric, revising } = work;
    const answers = submissionOf(rubric, work.answers);
    const body = revising
      ? { annotation_id: annotationId, base_revision: assignment.revision, answers }
      : { annotation_id: annotationId, fence: assignment.fence, answers };
    const action = revising ? "revise" : "submit";
    this.#setBusy(true);
    writeDraft(this.userId, assignment.id, { answers: work.answers, annotationId, revision: assignment.revision, savedAt: Date.now(), pending: { action, body } });
    try {
      await persistently(() => this.api.act(assignment.id, action, body), () => pill("waiting", t("waiting", { count: 1 })));
    } catch (error) {
      this.#setBusy(false);
      if (!(error instanceof ApiError)) throw error;
      this.#keepDraft();
      this.#refused(error);
      return;
    }
    this.#setBusy(false);
    dropDraft(this.userId, assignment.id);
    this.lease.release();
    if (!revising) {
      this.done += 1;
      this.#showProgress();
    }
    this.last = assignment.id;
    toast(t(revising ? "changeTaken" : "submitted"), { text: t("changeIt"), key: "Z", act: () => this.#undo() });
    await this.next();
  }

  /** @param {boolean} busy */
  #setBusy(busy) {
    this.busy = busy;
    must("#submit").setAttribute("aria-disabled", String(busy));
    must("#questions").toggleAttribute("inert", busy);
  }

  /** @param {ApiError} error */
  #refused(error) {
    if (error.status === 422 && error.problems.length) this.#showProblems(error.problems);
    else if (error.status === 404 || error.status === 410) this.#notTaken(t("leaseEnded"), [error.message], true);
    else if (error.status === 409) this.#notTaken(t("conflict"), [error.message], false);
    else if (error.status === 401) this.#signedOut();
    else banner("refuse", t("notTaken"), [error.message, t("answersKept")], [{ text: t("tryAgain"), act: () => void this.submit() }]);
    if (error.status !== 422) pill("refused", t("refused"));
  }

  /** @param {Problem[]} problems */
  #showProblems(problems) {
    const work = this.#now();
    const steps = stepsOf(work.rubric, work.answers);
    const placed = problems.map((problem) => ({
      problem, step: steps.find(({ question, category }) => question.id === problem.question && category === (problem.category ?? "")) ?? steps.find(({ question }) => question.id === problem.question),
    }));
    work.problems = new Map(placed.flatMap(({ problem, step }) => (step ? [[step.key, problem.message]] : [])));
    pill("refused", t("refusedAnswers"));
    banner("refuse", t("serverRefused"), problems.map(({ message }) => message), []);
    const first = placed.find(({ step }) => step?.standing === "asked")?.step;
    if (first) this.open(first.key, { write: true });
    else this.#draw();
  }

  /**
   * @param {string} title
   * @param {string[]} body
   * @param {boolean} again whether the item may still be taken again
   */
  #notTaken(title, body, again) {
    const work = this.#now();
    this.lease.release();
    work.readOnly = true;
    if (again) this.carried = { itemId: work.assignment.item.id, answers: work.answers };
    dropDraft(this.userId, work.assignment.id);
    /** @type {Action[]} */
    const actions = [{ text: t("nextTask"), act: () => void this.next(), kind: "primary" }];
    if (!again) actions.push({ text: t("seeSaved"), act: () => void this.change(work.assignment.id) });
    this.#draw();
    banner("refuse", title, [...body, t("answersReadable")], actions);
  }

  #leaseLost() {
    if (!this.work || this.work.revising || this.work.readOnly || this.busy) return;
    pill("refused", t("refused"));
    this.#notTaken(t("leaseEnded"), [t("leaseEndedBody")], true);
  }

  #signedOut() {
    const href = this.root.dataset["login"] ?? "/";
    banner("refuse", t("signedOut"), t("signedOutBody"), [{ text: t("signIn"), act: () => location.assign(href), kind: "primary" }]);
  }

  /** Send what was waiting when the page was closed; its key makes sure that it is stored once. */
  async #sendPending() {
    for (const { assignmentId, draft } of pendingDrafts(this.userId)) {
      if (!draft.pending) continue;
      const { action, body } = draft.pending;
      try {
        await this.api.act(assignmentId, action, body);
        dropDraft(this.userId, assignmentId);
        toast(t("sentEarlier"));
      } catch (error) {
        if (error instanceof TypeError) return;
        if (!(error instanceof ApiError)) throw error;
        if ([404, 409, 410].includes(error.status)) dropDraft(this.userId, assignmentId);
      }
    }
  }

  // ------------------------------------------------------------------ leaving an item

  /**
   * @param {"skip" | "opt-out" | "report"} action
   * @param {Record<string, unknown>} more
   * @param {string} words
   */
  async #leave(action, more, words) {
    const { assignment } = this.#now();
    this.lease.release();
    dropDraft(this.userId, assignment.id);
    this.#stage("loading");
    try {
      await persistently(() => this.api.act(assignment.id, action, { fence: assignment.fence, ...more }), () => pill("waiting", t("waiting", { count: 1 })));
      toast(words);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (![404, 409, 410].includes(error.status)) {
        this.#showRefusal(error);
        return;
      }
    }
    await this.next();
  }

  async #report() {
    if (!this.work || this.busy) return;
    if (this.work.revising) {
      toast(t("reportInChange"));
      return;
    }
    const told = await askReport();
    if (told) await this.#leave("report", told, t("reported"));
  }

  async #optOut() {
    if (!this.work || this.busy || this.work.revising) return;
    const told = await askOptOut();
    if (told) await this.#leave("opt-out", told, t("optedOut"));
  }

  async #skip() {
    if (!this.work || this.busy || this.work.revising) return;
    if (await ask("skip") === "yes") await this.#leave("skip", {}, t("skipped"));
  }

  async #break() {
    this.item.hideAll();
    this.root.dataset["break"] = "yes";
    await ask("break");
    delete this.root.dataset["break"];
    if (this.work) this.rail.focusOpen({ write: false });
  }

  async #mine() {
    const listed = await this.#trying(() => this.api.mine(this.roundId));
    if (!listed) return;
    const format = new Intl.DateTimeFormat(document.documentElement.lang || undefined, { dateStyle: "medium", timeStyle: "short", timeZone: this.root.dataset["timeZone"] || undefined });
    const chosen = await askMine(listed.submissions.map((/** @type {any} */ one) => ({
      assignmentId: one.assignment_id, name: one.external_id, when: format.format(new Date(one.submitted_at)), editable: one.editable,
    })));
    if (chosen) await this.change(chosen);
  }

  // ------------------------------------------------------------------ nothing to do, or refused

  /**
   * @param {string} reason
   * @param {number | undefined} retryAfter
   */
  #showEmpty(reason, retryAfter) {
    const known = ["exhausted", "all_leased", "paused"].includes(reason) ? reason : "exhausted";
    this.#stage("empty");
    fill(must("#stage-empty"), h("div", {}, h("h1", { tabindex: "-1" }, t("emptyTitle")), h("p.lede", {}, t("emptyKept"))),
      h("ul.why", {}, h("li", {}, icon(known === "exhausted" ? "check" : known === "paused" ? "pause" : "clock"), h("b", {}, t(`empty-${known}`)), h("span"), h("p", {}, t(`empty-${known}-body`)))),
      h("div.btn-row", {}, h("button.btn", { type: "button", onclick: () => void this.next() }, t("lookAgain")),
        h("a.btn.btn-quiet", { href: this.root.dataset["work"] ?? "/" }, t("toMyWork")),
        h("button.btn.btn-quiet", { type: "button", onclick: () => void this.#mine() }, t("myItems"))));
    must("#stage-empty h1").focus();
    if (known !== "exhausted") {
      this.lookTimer = setTimeout(() => void this.next(), (retryAfter ?? LOOK_AGAIN) * 1000);
    }
  }

  /** @param {ApiError} error */
  #showRefusal(error) {
    this.#stage("empty");
    const signIn = error.status === 401;
    fill(must("#stage-empty"), h("div", {}, h("h1", { tabindex: "-1" }, signIn ? t("signedOut") : t("cannotGo")), h("p.lede", {}, signIn ? t("signedOutBody") : error.message)),
      h("div.btn-row", {}, signIn
        ? h("a.btn.btn-primary", { href: this.root.dataset["login"] ?? "/" }, t("signIn"))
        : h("button.btn", { type: "button", onclick: () => void this.next() }, t("tryAgain")),
      h("a.btn.btn-quiet", { href: this.root.dataset["work"] ?? "/" }, t("toMyWork"))));
    must("#stage-empty h1").focus();
    pill("refused", t("refused"));
  }

  // ------------------------------------------------------------------ hands

  #noteReveal() {
    this.#restIdle();
    say(tOr("revealed", ""));
  }

  #restIdle() {
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => {
      if (this.item.concealing && this.item.revealed.size) {
        this.item.hideAll();
        toast(t("hiddenWhenIdle"));
      }
    }, HIDE_WHEN_IDLE);
  }

  #write() {
    const step = this.#openStep();
    if (step && ["text", "number"].includes(step.question.type)) {
      this.rail.focusOpen({ write: true });
      return;
    }
    const { rubric, answers } = this.#now();
    const text = stepsOf(rubric, answers).find(({ question, standing }) => question.type === "text" && standing === "asked");
    if (text) this.open(text.key, { write: true });
    else toast(t("noTextQuestion"));
  }

  async #keys() {
    const box = must("#single-keys");
    if (box instanceof HTMLInputElement) box.checked = singleKeysOn();
    await ask("keys");
    if (box instanceof HTMLInputElement) setSingleKeys(box.checked);
  }

  #textSize() {
    const root = document.documentElement;
    const large = root.dataset["readingSize"] !== "large";
    if (large) root.dataset["readingSize"] = "large";
    else delete root.dataset["readingSize"];
    try {
      localStorage.setItem(READING, large ? "large" : "normal");
    } catch {
      // Without storage the size holds for this page.
    }
  }

  #hide() {
    if (this.item.concealing) this.item.hideAll();
    else this.item.concealAll();
  }

  #filterOptions() {
    const field = document.querySelector(".q-open .q-filter");
    if (field instanceof HTMLElement) field.focus();
  }

  #escape() {
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
  #press(key) {
    const step = this.work ? this.#openStep() : undefined;
    return step ? this.rail.press(step, key) : false;
  }

  #listen() {
    const atWork = (/** @type {() => void} */ act) => () => { if (this.work && !this.busy) act(); };
    /** @type {Record<string, () => void>} */
    const acts = {
      submit: () => void this.submit(),
      undo: () => this.#undo(),
      unsure: atWork(() => this.#reserve("unsure")),
      cannot_assess: atWork(() => this.#reserve("cannot_assess")),
      optout: () => void this.#optOut(),
      report: () => void this.#report(),
      skip: () => void this.#skip(),
      hide: atWork(() => this.#hide()),
      mark: atWork(() => this.#mark()),
      break: () => void this.#break(),
      keys: () => void this.#keys(),
      mine: () => void this.#mine(),
      size: () => this.#textSize(),
      toQuestions: () => must("#ask-h").scrollIntoView({ block: "start" }),
    };
    document.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
      if (button instanceof HTMLElement && button.getAttribute("aria-disabled") !== "true") acts[button.dataset["act"] ?? ""]?.();
    });
    addEventListener("keydown", (event) => { this.lastKey = event.key; this.#restIdle(); }, { capture: true });
    addEventListener("keyup", (event) => {
      this.lastKey = "";
      if (event.key.toLowerCase() === "r" && this.item.holds) this.item.hideAll();
    }, { capture: true });
    addEventListener("pointerdown", () => { this.lastKey = ""; this.#restIdle(); }, { capture: true });
    /** @param {string} name */
    const act = (name) => () => acts[name]?.();
    listen({
      pressed: (key) => this.#press(key),
      enter: act("submit"),
      escape: () => this.#escape(),
      isCiting: () => this.clauses.citing,
      cite: (digit) => this.#citeDigit(digit),
      plain: {
        j: atWork(() => this.#move(1)), k: atWork(() => this.#move(-1)), z: act("undo"), u: act("unsure"), x: act("cannot_assess"), o: act("optout"),
        r: atWork(() => this.item.revealNext()), h: act("hide"), s: act("mark"), c: atWork(() => this.#startCiting()), n: atWork(() => { if (!this.#press("n")) this.#write(); }),
        p: act("break"), "?": act("keys"), "/": atWork(() => this.#filterOptions()), "[": atWork(() => this.item.moveTurn(-1)), "]": atWork(() => this.item.moveTurn(1)),
      },
      shifted: { l: act("report"), g: act("skip"), m: act("mine") },
    });
  }
}

/**
 * @param {string} code
 * @returns {string}
 */
function languageName(code) {
  try {
    return new Intl.DisplayNames([document.documentElement.lang || "en"], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

// The labelling page: claim, answer, submit, next, without loading a page in between.
import { fill, h, icon, must } from "../lib/dom.js";
import { dropDraft, pendingDrafts, readDraft, writeDraft } from "../lib/drafts.js";
import { lacks, submissionOf } from "./answers.js";
import { Api, ApiError, persistently } from "./api.js";
import { Desk } from "./desk.js";
import { ask, askMine, askOptOut, askReport, closeDialogs } from "./dialogs.js";
import { handle } from "./hands.js";
import { setSingleKeys, singleKeysOn } from "./keys.js";
import { Lease } from "./lease.js";
import { banner, clearBanner, clearToast, pill, toast } from "./notices.js";
import { readRubric } from "./rubric.js";
import { t } from "./texts.js";
import { uuid7 } from "./uuid7.js";

/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").Assignment} Assignment */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./desk.js").Work} Work */
/** @typedef {import("./notices.js").Action} Action */

const LOOK_AGAIN = 60;
const READING = "touchstone.reading-size";

export class LabelPage {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.userId = root.dataset["userId"] ?? "";
    this.roundId = root.dataset["roundId"] ?? "";
    this.api = new Api(root.dataset["api"] ?? "/api/v1", root.dataset["csrf"] ?? "");
    this.lease = new Lease(this.api, () => this.#leaseLost(), () => this.#signedOut());
    this.desk = new Desk(root, this.userId);
    /** @type {Map<string, Rubric>} */
    this.rubrics = new Map();
    /** @type {{ itemId: string, answers: Answers } | null} answers of a place that was lost, should the item come again */
    this.carried = null;
    /** @type {string | null} the last assignment that was submitted here */
    this.last = null;
    this.done = Number(root.dataset["done"] ?? "0");
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.lookTimer = undefined;
    handle(this, this.desk);
  }

  async start() {
    this.#showProgress();
    await this.#sendPending();
    const revise = this.root.dataset["revise"];
    if (revise) await this.change(revise);
    else await this.next();
  }

  /** Take the next item, or say why there is none. */
  async next() {
    clearTimeout(this.lookTimer);
    if (location.search) history.replaceState(null, "", location.pathname);
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
    if (revising) this.lease.release();
    else this.lease.hold(assignment);
    this.#stage("work");
    clearBanner();
    if (revising) {
      banner("met", t("changing", { item: assignment.item.external_id }), t("changingBody"), [{ text: t("leaveChange"), act: () => void this.#leaveChange(), kind: "quiet" }]);
    }
    pill(fits ? "plain" : "saved", t(fits ? "draftKept" : "saved"));
    this.desk.lay({
      assignment, rubric, answers, annotationId: fits?.annotationId ?? uuid7(), open: "", history: [], problems: new Map(), revising, readOnly: false,
    });
  }

  async #leaveChange() {
    if (this.desk.work) dropDraft(this.userId, this.desk.work.assignment.id);
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

  /** @param {"loading" | "work" | "empty"} name */
  #stage(name) {
    closeDialogs();
    this.root.dataset["stage"] = name;
    must("#stage-loading").hidden = name !== "loading";
    must("#stage-empty").hidden = name !== "empty";
    must("#label-page").hidden = name !== "work";
    if (name === "loading") must("#stage-text").textContent = t("loading");
    this.desk.clear();
  }

  #showProgress() {
    const planned = Number(this.root.dataset["planned"] ?? "0");
    const bar = document.querySelector("#own-progress progress");
    if (bar instanceof HTMLProgressElement && planned) bar.value = this.done;
    const words = document.querySelector("#own-progress span");
    if (words) words.textContent = planned ? t("countOf", { done: this.done, total: planned }) : t("doneHere", { count: this.done });
  }

  /** Undo the last choice, or open the last submission again. */
  undo() {
    if (this.desk.undo()) return;
    if (this.last && !this.desk.work?.revising) {
      clearToast();
      void this.change(this.last);
    } else {
      toast(t("nothingToUndo"));
    }
  }

  /** Enter: submit when complete, else go to the first open question. */
  async submit() {
    const work = this.desk.work;
    if (!work || this.desk.busy || work.readOnly) return;
    const missing = lacks(work.rubric, work.answers);
    if (missing.length) {
      this.desk.showLacks(missing);
      return;
    }
    await this.#send(work);
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
      this.desk.keepDraft();
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
    this.desk.hasLast = true;
    toast(t(revising ? "changeTaken" : "submitted"), { text: t("changeIt"), key: "Z", act: () => this.undo() });
    await this.next();
  }

  /** @param {boolean} busy */
  #setBusy(busy) {
    this.desk.busy = busy;
    must("#submit").setAttribute("aria-disabled", String(busy));
    must("#questions").toggleAttribute("inert", busy);
  }

  /** @param {ApiError} error */
  #refused(error) {
    if (error.status === 422 && error.problems.length) {
      pill("refused", t("refusedAnswers"));
      banner("refuse", t("serverRefused"), error.problems.map(({ message }) => message), []);
      this.desk.showProblems(error.problems);
    } else if (error.status === 404 || error.status === 410) this.#notTaken(t("leaseEnded"), [error.message], true);
    else if (error.status === 409) this.#notTaken(t("conflict"), [error.message], false);
    else if (error.status === 401) this.#signedOut();
    else banner("refuse", t("notTaken"), [error.message, t("answersKept")], [{ text: t("tryAgain"), act: () => void this.submit() }]);
    if (error.status !== 422) pill("refused", t("refused"));
  }

  /**
   * @param {string} title
   * @param {string[]} body
   * @param {boolean} again whether the item may still be taken again
   */
  #notTaken(title, body, again) {
    const work = this.desk.now();
    this.lease.release();
    work.readOnly = true;
    if (again) this.carried = { itemId: work.assignment.item.id, answers: work.answers };
    dropDraft(this.userId, work.assignment.id);
    /** @type {Action[]} */
    const actions = [{ text: t("nextTask"), act: () => void this.next(), kind: "primary" }];
    if (!again) actions.push({ text: t("seeSaved"), act: () => void this.change(work.assignment.id) });
    this.desk.draw();
    banner("refuse", title, [...body, t("answersReadable")], actions);
  }

  #leaseLost() {
    if (!this.desk.work || this.desk.work.revising || this.desk.work.readOnly || this.desk.busy) return;
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

  /**
   * @param {"skip" | "opt-out" | "report"} action
   * @param {Record<string, unknown>} more
   * @param {string} words
   */
  async #leave(action, more, words) {
    const { assignment } = this.desk.now();
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

  async report() {
    if (!this.desk.work || this.desk.busy) return;
    if (this.desk.work.revising) {
      toast(t("reportInChange"));
      return;
    }
    const told = await askReport();
    if (told) await this.#leave("report", told, t("reported"));
  }

  async optOut() {
    if (!this.desk.work || this.desk.busy || this.desk.work.revising) return;
    const told = await askOptOut();
    if (told) await this.#leave("opt-out", told, t("optedOut"));
  }

  async skip() {
    if (!this.desk.work || this.desk.busy || this.desk.work.revising) return;
    if (await ask("skip") === "yes") await this.#leave("skip", {}, t("skipped"));
  }

  async break() {
    this.desk.item.hideAll();
    this.root.dataset["break"] = "yes";
    await ask("break");
    delete this.root.dataset["break"];
    if (this.desk.work) this.desk.rail.focusOpen({ write: false });
  }

  async mine() {
    const listed = await this.#trying(() => this.api.mine(this.roundId));
    if (!listed) return;
    const format = new Intl.DateTimeFormat(document.documentElement.lang || undefined, { dateStyle: "medium", timeStyle: "short", timeZone: this.root.dataset["timeZone"] || undefined });
    const chosen = await askMine(listed.submissions.map((/** @type {any} */ one) => ({
      assignmentId: one.assignment_id, name: one.external_id, when: format.format(new Date(one.submitted_at)), editable: one.editable,
    })));
    if (chosen) await this.change(chosen);
  }

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
        h("button.btn.btn-quiet", { type: "button", onclick: () => void this.mine() }, t("myItems"))));
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

  async keys() {
    const box = must("#single-keys");
    if (box instanceof HTMLInputElement) box.checked = singleKeysOn();
    await ask("keys");
    if (box instanceof HTMLInputElement) setSingleKeys(box.checked);
  }

  textSize() {
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
}

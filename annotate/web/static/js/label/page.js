// The labelling page: claim, answer, submit, next, without loading a page in between.
import { fill, h, icon, must, painted, say } from "../lib/dom.js";
import { dropDraft, readDraft, writeDraft } from "../lib/drafts.js";
import { Queue } from "../lib/queue.js";
import { Ahead } from "./ahead.js";
import { lacks, submissionOf } from "./answers.js";
import { Api, ApiError, persistently } from "./api.js";
import { Desk } from "./desk.js";
import { ask, askMine, askOptOut, askReport, closeDialogs } from "./dialogs.js";
import { handle } from "./hands.js";
import { capOf } from "./keys.js";
import { Lease } from "./lease.js";
import { banner, clearBanner, clearToast, pill, toast, toastSoon } from "./notices.js";
import { kindOf, showOutbox } from "./outbox.js";
import { readRubric } from "./rubric.js";
import { Sender } from "./sender.js";
import { t } from "./texts.js";
import { uuid7 } from "./uuid7.js";
import { Tabs, Watch } from "./watch.js";
import { Wellbeing } from "./wellbeing.js";

/** @typedef {import("./types.js").Answers} Answers */
/** @typedef {import("./types.js").Assignment} Assignment */
/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./desk.js").Work} Work */
/** @typedef {import("./notices.js").Action} Action */
/** @typedef {import("./types.js").Problem} Problem */
/** @typedef {import("../lib/queue.js").Entry} Entry */
/** @typedef {import("./api.js").Standing} Standing */
/** @typedef {{ answers: Answers, former: Entry["former"], problems?: Problem[] }} Given answers that come back to the desk */

const LOOK_AGAIN = 60;
/** Places that the server takes in one request. */
const MOST_NAMED = 50;
const READING = "touchstone.reading-size";

export class LabelPage {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.userId = root.dataset["userId"] ?? "";
    this.roundId = root.dataset["roundId"] ?? "";
    this.api = new Api(root.dataset["api"] ?? "/api/v1", root.dataset["csrf"] ?? "", this.userId);
    this.desk = new Desk(root, this.userId, (kept) => { this.draft = kept ? "kept" : "lost"; this.#showState(); });
    this.sender = new Sender(this.api, new Queue(this.userId), {
      onChange: () => this.#showState(),
      onSaved: (entry) => this.#saved(entry),
      onRefused: (entry) => this.#refused(entry),
      onSignedOut: (error) => this.#signedOut(error),
    });
    this.ahead = new Ahead(this.api, this.roundId, () => this.#inHand(), (count) => { root.dataset["ahead"] = String(count); });
    this.lease = new Lease(this.api, () => this.ahead.places, () => this.#gone(), (error) => this.#signedOut(error));
    this.watch = new Watch(this.api, { ids: () => this.#watched(), onStanding: (asked, standing) => this.#look(asked, standing) });
    this.tabs = new Tabs(this.userId, (id) => this.#shownElsewhere(id));
    this.wellbeing = new Wellbeing(root, this.api, {
      takeBreak: (reason) => void this.break(reason), optOut: () => void this.optOut(), hide: () => { if (this.desk.work) this.desk.item.concealAll(); }, back: () => this.#focusAgain(),
    });
    this.desk.onreveal = (part) => this.wellbeing.tell(part);
    /** @type {Map<string, Rubric>} */
    this.rubrics = new Map();
    /** @type {{ itemId: string, answers: Answers } | null} answers of a place that was lost, should the item come again */
    this.carried = null;
    /** @type {{ key: string, assignment: Assignment, revising: boolean } | null} what was submitted last here */
    this.last = null;
    /** @type {"" | "kept" | "lost"} the draft of the item on the desk */
    this.draft = "";
    /** The connection is away, as far as the next item knows. */
    this.offline = false;
    /** Items that are open in other tabs. */
    this.elsewhere = /** @type {Set<string>} */ (new Set());
    /** What was left from an earlier page. */
    this.earlier = /** @type {Set<string>} */ (new Set());
    this.toldSignedOut = false;
    this.said = "";
    this.emptyFor = "";
    /** Counts what was asked for; an answer that comes too late is not shown. */
    this.turn = 0;
    this.done = Number(root.dataset["done"] ?? "0");
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.lookTimer = undefined;
    must("#save-state").addEventListener("click", () => void this.outbox());
    addEventListener("beforeunload", (event) => { if (this.sender.waiting.length) event.preventDefault(); });
    handle(this, this.desk);
  }

  async start() {
    this.#showProgress();
    await this.sender.start();
    this.earlier = new Set(this.sender.waiting.map(({ key }) => key));
    this.watch.start();
    const revise = this.root.dataset["revise"];
    if (revise) await this.change(revise);
    else await this.next();
  }

  /** Take the next item, or say why there is none. */
  async next() {
    clearTimeout(this.lookTimer);
    this.turn += 1;
    const { turn } = this;
    if (location.search) history.replaceState(null, "", location.pathname);
    const ready = this.ahead.take();
    const rubric = ready ? this.rubrics.get(ready.rubric_version_id) : null;
    if (ready && rubric) {
      this.#lay(ready, rubric, false);
      return;
    }
    this.#stage("loading");
    if (!ready && this.ahead.filling) {
      await this.ahead.filling;
      if (turn === this.turn) await (this.ahead.places.length ? this.next() : this.#claim(turn));
    } else if (ready) await this.#take(ready, false);
    else await this.#claim(turn);
  }

  /** @param {number} turn */
  async #claim(turn) {
    const claimed = await this.#trying(() => this.api.claim(this.roundId, this.#inHand()));
    if (!claimed || turn !== this.turn) return;
    if (claimed.assignment) await this.#take(claimed.assignment, false);
    else if (this.elsewhere.size) {
      this.elsewhere.clear();
      await this.#claim(turn);
    } else if (claimed.reason === "enough") this.#showEnough(claimed.enough ?? "");
    else this.#showEmpty(claimed.reason ?? "exhausted", claimed.retry_after);
  }

  /** @returns {string[]} places that the page has, so that it is given others */
  #inHand() {
    const unsent = this.sender.entries.filter((entry) => ["waiting", "answers", "other"].includes(kindOf(entry)));
    const work = this.desk.work;
    const own = work && !work.readOnly ? [work.assignment.id] : [];
    return [...new Set([...own, ...unsent.map(({ assignmentId }) => assignmentId), ...this.elsewhere])].slice(0, MOST_NAMED);
  }

  /** @returns {string[]} places whose words are on the page, or will be */
  #watched() {
    const work = this.desk.work;
    return [...(work && !work.readOnly ? [work.assignment.id] : []), ...this.ahead.places.map(({ id }) => id)];
  }

  /**
   * Take from the page what is no longer ours to see.
   *
   * @param {Set<string>} asked
   * @param {Map<string, Standing>} standing
   */
  #look(asked, standing) {
    this.ahead.keep(asked, standing);
    const work = this.desk.work;
    if (!work || work.readOnly || !asked.has(work.assignment.id)) return;
    const now = standing.get(work.assignment.id);
    const came = now?.state === "submitted" && !work.revising && !work.former.length;
    if (!now || (now.state === "leased" && now.fence !== work.assignment.fence)) this.#gone();
    else if (came) this.#notTaken(t("submittedElsewhere"), [t("submittedElsewhereBody")], false);
  }

  /** @param {string} id of an item that another tab shows */
  #shownElsewhere(id) {
    this.elsewhere.add(id);
    this.ahead.drop(id);
    const work = this.desk.work;
    if (work?.assignment.id !== id || work.revising || work.readOnly) return;
    banner("caution", t("twoTabs"), t("twoTabsBody"), [{ text: t("takeAnother"), act: () => { this.lease.release(); this.desk.clear(); void this.next(); } }]);
  }

  /**
   * Open one of one's own submissions to change it.
   *
   * @param {string} assignmentId
   * @param {Given} [given] answers that wait for it
   */
  async change(assignmentId, given) {
    this.#setAside();
    this.turn += 1;
    const { turn } = this;
    this.#stage("loading");
    const assignment = await this.#trying(() => this.api.assignment(assignmentId));
    if (assignment && turn === this.turn) await this.#take(assignment, assignment.state !== "leased", given);
  }

  /** The item on the desk comes back after the one that is opened in between. */
  #setAside() {
    const work = this.desk.work;
    if (work && !work.revising && !work.readOnly) this.ahead.putBack(work.assignment);
  }

  /**
   * @param {Assignment} assignment
   * @param {boolean} revising
   * @param {Given} [given]
   */
  async #take(assignment, revising, given) {
    const rubric = await this.#rubric(assignment.rubric_version_id);
    if (rubric) this.#lay(assignment, rubric, revising, given);
  }

  /**
   * @param {Assignment} assignment
   * @param {Rubric} rubric
   * @param {boolean} revising
   * @param {Given} [given]
   */
  #lay(assignment, rubric, revising, given) {
    const draft = readDraft(this.userId, assignment.id);
    const fits = draft && draft.revision === assignment.revision && !draft.pending ? draft : null;
    const answers = given?.answers ?? fits?.answers ?? this.#lostBefore(assignment.item.id) ?? assignment.answers ?? {};
    if (revising) this.lease.release();
    else this.lease.hold(assignment);
    this.#stage("work");
    clearBanner();
    this.toldSignedOut = false;
    if (revising) {
      banner("met", t("changing", { item: assignment.item.external_id }), t("changingBody"), [{ text: t("leaveChange"), act: () => void this.#leaveChange(), kind: "quiet" }]);
    }
    this.draft = fits || given ? "kept" : "";
    this.desk.lay({
      assignment, rubric, answers, annotationId: uuid7(), former: given?.former ?? fits?.former ?? [],
      open: "", history: [], problems: new Map(), revising, readOnly: false,
    });
    if (given) this.desk.keepDraft();
    if (given?.problems?.length) this.#showProblems(given.problems);
    this.tabs.show(assignment.id);
    this.wellbeing.shown(assignment, rubric, { concealed: this.desk.item.concealing, revising });
    void painted().then(() => {
      this.#showState();
      if (!revising) void this.ahead.fill();
    });
  }

  /**
   * Answers of a place that was lost, when its item comes again.
   *
   * @param {string} itemId
   * @returns {Answers | null}
   */
  #lostBefore(itemId) {
    const carried = this.carried?.itemId === itemId ? this.carried.answers : null;
    this.carried = null;
    const entry = this.sender.refused.find((one) => one.itemId === itemId && kindOf(one) === "lost");
    if (entry) void this.sender.dismiss(entry.key);
    return carried ?? entry?.answers ?? null;
  }

  /** @param {Problem[]} problems */
  #showProblems(problems) {
    banner("refuse", t("serverRefused"), problems.map(({ message }) => message), []);
    this.desk.showProblems(problems);
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
      return await persistently(attempt, () => {
        this.offline = true;
        this.#showState();
        must("#stage-text").textContent = t("offlineBody");
      });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#showRefusal(error);
      return null;
    } finally {
      this.offline = false;
      this.#showState();
    }
  }

  /** What is on the server, what waits, and what was refused, plainly. */
  #showState() {
    const { waiting: { length: waiting }, refused: { length: refused }, stuck } = this.sender;
    if (refused) pill("refused", waiting ? t("refusedAndWaiting", { refused, waiting }) : t("refusedCount", { count: refused }));
    else if (this.offline && !waiting) pill("waiting", t("offline"));
    else if (waiting) pill("waiting", stuck || this.offline ? t("waiting", { count: waiting }) : t("sending"));
    else if (this.draft === "lost") pill("waiting", t("draftNotKept"));
    else pill(this.draft ? "plain" : "saved", t(this.draft ? "draftKept" : "saved"));
    if (stuck && waiting) this.#sayOnce(t("waiting", { count: waiting }));
    const kept = document.getElementById("empty-kept");
    if (kept) kept.textContent = t(waiting || refused ? "emptyUnsent" : "emptyKept");
  }

  /** @param {string} words for a screen reader, not again while they stay true */
  #sayOnce(words) {
    if (this.said !== words) say(words);
    this.said = words;
  }

  /** @param {"loading" | "work" | "empty"} name */
  #stage(name) {
    closeDialogs();
    this.root.dataset["stage"] = name;
    must("#stage-loading").hidden = name !== "loading";
    must("#stage-empty").hidden = name !== "empty";
    must("#label-page").hidden = name !== "work";
    this.emptyFor = "";
    if (name !== "work") this.tabs.show("");
    if (name === "loading") must("#stage-text").textContent = t("loading");
    // What is at work is laid over what was; anything else takes every word off the page at once.
    if (name !== "work") this.desk.clear();
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
      void this.#reopenLast();
    } else {
      toast(t("nothingToUndo"));
    }
  }

  /** What still waits comes back to the desk; what the server has is changed there. */
  async #reopenLast() {
    const { last } = this;
    if (!last) return;
    const entry = await this.sender.takeBack(last.key);
    if (!entry) {
      await this.change(last.assignment.id);
      return;
    }
    this.last = null;
    this.desk.hasLast = false;
    this.#setAside();
    this.turn += 1;
    await this.#take(last.assignment, last.revising, { answers: entry.answers, former: [...entry.former, entry.body] });
    say(t("takenBack"));
  }

  /** Enter: submit when complete, else go to the first open question. */
  submit() {
    const work = this.desk.work;
    if (!work || this.desk.busy || work.readOnly) return;
    const missing = lacks(work.rubric, work.answers);
    if (missing.length) this.desk.showLacks(missing);
    else this.#send(work);
  }

  /**
   * Hand the answers to the queue and show the next item at once.
   *
   * @param {Work} work
   */
  #send(work) {
    const { assignment, annotationId, rubric, revising } = work;
    const answers = submissionOf(rubric, work.answers);
    /** @type {Entry} */
    const entry = {
      key: annotationId, account: this.userId, origin: location.origin, assignmentId: assignment.id, roundId: assignment.round_id,
      rubricVersionId: assignment.rubric_version_id, itemId: assignment.item.id, itemName: assignment.item.external_id,
      action: revising ? "revise" : "submit",
      body: { annotation_id: annotationId, answers, ...(revising ? { base_revision: assignment.revision } : { fence: assignment.fence }) },
      answers: work.answers, former: work.former, at: Date.now(), refused: null,
    };
    writeDraft(this.userId, assignment.id, { answers: work.answers, annotationId, revision: assignment.revision, savedAt: entry.at, pending: entry });
    this.lease.release();
    this.draft = "";
    this.last = { key: annotationId, assignment, revising };
    this.desk.hasLast = true;
    void this.sender.add(entry);
    if (!revising) this.wellbeing.handedIn(rubric, answers);
    void this.next();
    void toastSoon(t(revising ? "changeHandedIn" : "handedIn", { item: entry.itemName }), { text: t("changeIt"), key: capOf("undo"), act: () => this.undo() });
  }

  /** @param {Entry} entry */
  #saved(entry) {
    if (entry.action === "submit" && entry.roundId === this.roundId) {
      this.done += 1;
      this.#showProgress();
    }
    if (this.earlier.delete(entry.key) && !this.earlier.size) toast(t("sentEarlier"));
    if (this.emptyFor === "send_first") void this.next();
  }

  /**
   * Tell of a refusal without taking anybody from the item at hand.
   *
   * @param {Entry} entry
   */
  #refused(entry) {
    const kind = kindOf(entry);
    const title = { answers: t("serverRefused"), lost: t("leaseEnded"), conflict: t("conflict"), other: t("notTaken"), waiting: "" }[kind];
    const problems = entry.refused?.problems.map(({ message }) => message) ?? [];
    /** @type {Action[]} */
    const actions = [{ text: t("readAnswers"), act: () => void this.outbox() }];
    if (kind === "answers") actions.unshift({ text: t("openAgain"), act: () => void this.#openAgain(entry), kind: "primary" });
    banner("refuse", title, [t("aboutItem", { item: entry.itemName }), ...(kind === "answers" ? problems : [entry.refused?.message ?? ""]), t("answersReadable")], actions, { focus: false });
  }

  /** Show what is not on the server. */
  async outbox() {
    await showOutbox(this.sender.entries, {
      rubric: (id) => this.#rubric(id),
      open: (entry) => void this.#openAgain(entry),
      see: (entry) => { void this.change(entry.assignmentId); },
      again: (entry) => void this.sender.again(entry),
      dismiss: (entry) => void this.sender.dismiss(entry.key),
    });
    if (this.desk.work) this.desk.rail.focusOpen({ write: false });
  }

  /**
   * A refused annotation comes back to the desk with its answers and what was wrong with them.
   *
   * @param {Entry} entry
   */
  async #openAgain(entry) {
    await this.change(entry.assignmentId, { answers: entry.answers, former: entry.former, problems: entry.refused?.problems ?? [] });
    if (this.desk.work?.assignment.id === entry.assignmentId) await this.sender.dismiss(entry.key);
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

  /** The place was lost or the item was closed for everybody: its words leave the page, the answers stay. */
  #gone() {
    const work = this.desk.work;
    if (!work || work.readOnly) return;
    const { assignment } = work;
    work.assignment = { ...assignment, item: { ...assignment.item, body: {} } };
    this.desk.item.clear();
    this.#notTaken(t("leaseEnded"), [t("goneBody")], true);
  }

  /** @param {ApiError} error */
  #signedOut(error) {
    if (this.toldSignedOut) return;
    this.toldSignedOut = true;
    if (error.code === "other_account") {
      banner("refuse", t("otherAccount"), t("otherAccountBody"), []);
      return;
    }
    const href = this.root.dataset["login"] ?? "/";
    banner("refuse", t("signedOut"), t("signedOutBody"), [{ text: t("signIn"), act: () => location.assign(href), kind: "primary" }]);
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
      await persistently(() => this.api.act(assignment.id, action, { fence: assignment.fence, ...more }), () => { this.offline = true; this.#showState(); });
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

  /** @param {string} [reason] why it is taken; the person alone sees it */
  async break(reason) {
    this.desk.item.hideAll();
    this.root.dataset["break"] = "yes";
    const noted = this.wellbeing.breakBegins(reason);
    await ask("break");
    delete this.root.dataset["break"];
    this.#focusAgain();
    await noted;
    await this.wellbeing.breakEnds();
  }

  /** This got to me. */
  support() {
    return this.wellbeing.support();
  }

  #focusAgain() {
    if (this.desk.work) this.desk.rail.focusOpen({ write: false });
  }

  /** @param {string} kind of the budget that is spent */
  #showEnough(kind) {
    this.#stage("empty");
    this.emptyFor = "enough";
    this.wellbeing.showEnough(kind, { next: () => void this.next(), work: this.root.dataset["work"] ?? "/" });
    this.#showState();
  }

  async mine() {
    const listed = await this.#trying(() => this.api.mine(this.roundId));
    if (!listed) return;
    // as on every other page: 2026-11-22 04:37, which is how Swedish writes it
    const format = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "short", timeZone: this.root.dataset["timeZone"] || undefined });
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
    const known = ["exhausted", "all_leased", "paused", "send_first"].includes(reason) ? reason : "exhausted";
    this.#stage("empty");
    this.emptyFor = known;
    fill(must("#stage-empty"), h("div", {}, h("h1", { tabindex: "-1" }, t("emptyTitle")), h("p.lede", { id: "empty-kept" }, t("emptyKept"))),
      h("ul.why", {}, h("li", {}, icon(known === "exhausted" ? "check" : known === "paused" ? "pause" : "clock"), h("b", {}, t(`empty-${known}`)), h("span"), h("p", {}, t(`empty-${known}-body`)))),
      h("div.btn-row", {}, h("button.btn", { type: "button", onclick: () => void this.next() }, t("lookAgain")),
        h("a.btn.btn-quiet", { href: this.root.dataset["work"] ?? "/" }, t("toMyWork")),
        h("button.btn.btn-quiet", { type: "button", onclick: () => void this.mine() }, t("myItems"))));
    must("#stage-empty h1").focus();
    this.#showState();
    if (known !== "exhausted") {
      this.lookTimer = setTimeout(() => void this.next(), (retryAfter ?? LOOK_AGAIN) * 1000);
    }
  }

  /** @param {ApiError} error */
  #showRefusal(error) {
    this.#stage("empty");
    const other = error.code === "other_account";
    const signIn = error.status === 401 && !other;
    fill(must("#stage-empty"), h("div", {}, h("h1", { tabindex: "-1" }, signIn ? t("signedOut") : other ? t("otherAccount") : t("cannotGo")), h("p.lede", {}, signIn ? t("signedOutBody") : other ? t("otherAccountBody") : error.message)),
      h("div.btn-row", {}, signIn
        ? h("a.btn.btn-primary", { href: this.root.dataset["login"] ?? "/" }, t("signIn"))
        : h("button.btn", { type: "button", onclick: () => void this.next() }, t("tryAgain")),
      h("a.btn.btn-quiet", { href: this.root.dataset["work"] ?? "/" }, t("toMyWork"))));
    must("#stage-empty h1").focus();
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

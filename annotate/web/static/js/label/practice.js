// Entry of the labelling page in practice: the same desk, items with known answers, and nothing that counts.
import { fill, h, icon, must } from "../lib/dom.js";
import { lacks, submissionOf } from "./answers.js";
import { Api, ApiError, persistently } from "./api.js";
import { Desk } from "./desk.js";
import { ask, closeDialogs } from "./dialogs.js";
import { handle } from "./hands.js";
import { banner, clearBanner, pill, toast } from "./notices.js";
import { readRubric } from "./rubric.js";
import { t } from "./texts.js";
import { uuid7 } from "./uuid7.js";

/** @typedef {import("./types.js").Assignment} Assignment */
/** @typedef {import("./types.js").Rubric} Rubric */

/**
 * @typedef {object} Compared
 * @property {string} title
 * @property {boolean | null} right
 * @property {string[]} own
 * @property {string[]} reference
 * @property {string | null} clause
 * @property {string} clause_text
 * @property {string} explanation
 */

class PracticePage {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.api = new Api(root.dataset["api"] ?? "/api/v1", root.dataset["csrf"] ?? "", root.dataset["userId"] ?? "");
    this.desk = new Desk(root, "practice");
    this.path = `/projects/${encodeURIComponent(root.dataset["project"] ?? "")}/practice`;
    this.desk.places = this.path;
    this.version = root.dataset["practice"] ?? "";
    /** @type {Rubric | null} */
    this.rubric = null;
    /** @type {string | null} the item of the last try, while all are done once more */
    this.after = null;
    this.compared = false;
    handle(this, this.desk);
  }

  async start() {
    const raw = await this.#trying(() => this.api.rubric(this.version));
    if (!raw) return;
    this.rubric = readRubric(raw, { yes: t("yes"), no: t("no") });
    await this.next();
  }

  async next() {
    this.#stage("loading");
    const got = await this.#trying(() => this.api.call("POST", `${this.path}/next`, { rubric_version_id: this.version, after: this.after }));
    if (!got) return;
    if (got.practice_item) this.#lay(got.practice_item);
    else this.#showDone();
  }

  /** @param {any} place */
  #lay(place) {
    if (!this.rubric) return;
    this.compared = false;
    this.#stage("work");
    clearBanner();
    pill("plain", t("practicePill"));
    /** @type {Assignment} */
    const assignment = { ...place, fence: 0, expires_at: null, round_id: "", revision: 0 };
    this.desk.lay({ assignment, rubric: this.rubric, answers: {}, annotationId: uuid7(), open: "", history: [], problems: new Map(), revising: false, readOnly: false, former: [] });
  }

  /** Enter: compare when complete, then go on. */
  async submit() {
    const work = this.desk.work;
    if (!work || this.desk.busy) return;
    if (this.compared) {
      if (this.after !== null) this.after = work.assignment.id;
      await this.next();
      return;
    }
    const missing = lacks(work.rubric, work.answers);
    if (missing.length) {
      this.desk.showLacks(missing);
      return;
    }
    this.desk.busy = true;
    const body = { practice_item_id: work.assignment.id, answer_id: work.annotationId, answers: submissionOf(work.rubric, work.answers) };
    const got = await this.#trying(() => this.api.call("POST", `${this.path}/answer`, body));
    this.desk.busy = false;
    if (got) this.#show(got.questions);
  }

  /** @param {Compared[]} questions */
  #show(questions) {
    this.compared = true;
    const work = this.desk.now();
    work.readOnly = true;
    this.desk.draw();
    const list = h("section.practice-result", { tabindex: "-1", "aria-labelledby": "practice-h" }, h("h3", { id: "practice-h" }, t("practiceResult")),
      h("ol", {}, questions.map((one) => this.#result(one))),
      h("div.btn-row", {}, h("button.btn.btn-primary", { type: "button", id: "practice-next", onclick: () => void this.submit() }, t("practiceNext"), h("kbd.key", {}, "Enter"))));
    fill(must("#banner"), list);
    must("#practice-next").focus({ preventScroll: true });
    list.scrollIntoView({ block: "nearest" });
  }

  /** @param {Compared} one */
  #result({ title, right, own, reference, clause, clause_text: words, explanation }) {
    const state = right === null ? ["plain", "eye", t("practiceShown")] : right ? ["met", "check", t("practiceRight")] : ["below", "cross", t("practiceDiffers")];
    const [kind = "", sign = "", text = ""] = state;
    return h("li", {}, h("div.practice-head", {}, h("b", {}, title), h(`span.pill.pill-${kind}`, {}, icon(sign), text)),
      right === false ? h("dl.facts", {}, h("dt", {}, t("practiceOwn")), h("dd", {}, own.join(", ") || t("noneOfThese")), h("dt", {}, t("practiceReference")), h("dd", {}, reference.join(", ") || t("noneOfThese"))) : null,
      clause ? h("p.practice-clause", {}, h("span.id", {}, clause), " ", words) : null,
      explanation ? h("p", {}, explanation) : null);
  }

  #showDone() {
    this.#stage("empty");
    pill("plain", t("practicePill"));
    const { hollow, work, back } = this.root.dataset;
    fill(must("#stage-empty"), h("div.empty-page", {}, h("div", {}, h("h1", { tabindex: "-1" }, hollow ?? t("practiceDone")), hollow ? null : h("p.lede", {}, t("practiceDoneBody"))),
      h("div.btn-row", {}, h("a.btn.btn-primary", { href: work ?? "/" }, back ?? t("toMyWork")),
        hollow ? null : h("button.btn", { type: "button", onclick: () => { this.after = ""; void this.next(); } }, t("practiceAgain")))));
    must("#stage-empty h1").focus();
  }

  /**
   * @template T
   * @param {() => Promise<T>} attempt
   * @returns {Promise<T | null>}
   */
  async #trying(attempt) {
    try {
      return await persistently(attempt, () => pill("waiting", t("offline")));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.desk.busy = false;
      if (this.root.dataset["stage"] === "work") {
        banner("refuse", t("notTaken"), error.problems.length ? error.problems.map(({ message }) => message) : error.message, []);
        return null;
      }
      this.#stage("empty");
      fill(must("#stage-empty"), h("div.empty-page", {}, h("h1", { tabindex: "-1" }, t("cannotGo")), h("p.lede", {}, error.message)));
      must("#stage-empty h1").focus();
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
    this.desk.clear();
  }

  undo() {
    if (this.compared || !this.desk.undo()) toast(t("nothingToUndo"));
  }

  async break() {
    this.desk.item.hideAll();
    this.root.dataset["break"] = "yes";
    await ask("break");
    delete this.root.dataset["break"];
    if (this.desk.work) this.desk.rail.focusOpen({ write: false });
  }

  textSize() {
    const root = document.documentElement;
    root.dataset["readingSize"] = root.dataset["readingSize"] === "large" ? "normal" : "large";
  }

  optOut() {
    toast(t("practiceNoPlace"));
  }

  report() {
    toast(t("practiceNoPlace"));
  }

  skip() {
    toast(t("practiceNoPlace"));
  }

  mine() {
    toast(t("practiceNoPlace"));
  }
}

void new PracticePage(must("[data-practice]")).start();

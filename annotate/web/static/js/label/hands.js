// Which button and which key does what.
import { must } from "../lib/dom.js";
import { isKeyOf, listen, setPersonalKeys } from "./keys.js";

/**
 * What acts on the page as a whole: the labelling page, or practice.
 *
 * @typedef {object} Page
 * @property {HTMLElement} root
 * @property {import("./api.js").Api} api
 * @property {() => unknown} submit
 * @property {() => void} undo
 * @property {() => unknown} optOut
 * @property {() => unknown} report
 * @property {() => unknown} skip
 * @property {() => unknown} break
 * @property {() => unknown} mine
 * @property {() => void} textSize
 * @property {() => unknown} [support]
 */

/**
 * @param {Page} page
 * @param {import("./desk.js").Desk} desk
 */
export function handle(page, desk) {
  setPersonalKeys(JSON.parse(page.root.dataset["keys"] ?? "{}"));
  const atWork = (/** @type {() => void} */ act) => () => { if (desk.work && !desk.busy) act(); };
  /** @type {Record<string, () => void>} */
  const acts = {
    submit: () => page.submit(),
    undo: () => page.undo(),
    unsure: atWork(() => desk.reserve("unsure")),
    cannot_assess: atWork(() => desk.reserve("cannot_assess")),
    optout: () => void page.optOut(),
    report: () => void page.report(),
    skip: () => void page.skip(),
    hide: atWork(() => desk.hide()),
    invisibles: atWork(() => void desk.item.toggleInvisible()),
    jump: atWork(() => desk.item.askTurn()),
    mark: atWork(() => desk.mark()),
    break: () => void page.break(),
    keys: () => void import("./keyboard.js").then(({ showKeys }) => showKeys(page, desk)),
    mine: () => void page.mine(),
    size: () => page.textSize(),
    support: () => page.support?.(),
    toQuestions: () => must("#ask-h").scrollIntoView({ block: "start" }),
  };
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
    if (button instanceof HTMLElement && button.getAttribute("aria-disabled") !== "true") acts[button.dataset["act"] ?? ""]?.();
  });
  addEventListener("keydown", (event) => { desk.lastKey = event.key; desk.restIdle(); }, { capture: true });
  addEventListener("keyup", (event) => {
    desk.lastKey = "";
    if (isKeyOf(event, "reveal") && desk.item.holds) desk.item.hideAll();
  }, { capture: true });
  addEventListener("pointerdown", () => { desk.lastKey = ""; desk.restIdle(); }, { capture: true });
  /** @param {string} name */
  const act = (name) => () => acts[name]?.();
  listen({
    pressed: (key) => desk.press(key),
    enter: act("submit"),
    escape: () => desk.escape(),
    isCiting: () => desk.clauses.citing,
    cite: (digit) => desk.citeDigit(digit),
    citeDirect: (number) => { if (desk.work && !desk.busy) desk.clauses.pick(number); },
    acts: {
      ...acts,
      next: atWork(() => desk.move(1)),
      previous: atWork(() => desk.move(-1)),
      reveal: atWork(() => desk.item.revealNext()),
      turn_before: atWork(() => desk.item.moveTurn(-1)),
      turn_after: atWork(() => desk.item.moveTurn(1)),
      cite: atWork(() => desk.startCiting()),
      search: atWork(() => desk.clauses.search()),
      write: atWork(() => desk.write()),
      filter: atWork(() => desk.filterOptions()),
    },
  });
}

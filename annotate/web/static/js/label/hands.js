// Which button and which key does what.
import { must } from "../lib/dom.js";
import { listen } from "./keys.js";

/**
 * @param {import("./page.js").LabelPage} page
 * @param {import("./desk.js").Desk} desk
 */
export function handle(page, desk) {
  const atWork = (/** @type {() => void} */ act) => () => { if (desk.work && !desk.busy) act(); };
  /** @type {Record<string, () => void>} */
  const acts = {
    submit: () => void page.submit(),
    undo: () => page.undo(),
    unsure: atWork(() => desk.reserve("unsure")),
    cannot_assess: atWork(() => desk.reserve("cannot_assess")),
    optout: () => void page.optOut(),
    report: () => void page.report(),
    skip: () => void page.skip(),
    hide: atWork(() => desk.hide()),
    mark: atWork(() => desk.mark()),
    break: () => void page.break(),
    keys: () => void page.keys(),
    mine: () => void page.mine(),
    size: () => page.textSize(),
    toQuestions: () => must("#ask-h").scrollIntoView({ block: "start" }),
  };
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
    if (button instanceof HTMLElement && button.getAttribute("aria-disabled") !== "true") acts[button.dataset["act"] ?? ""]?.();
  });
  addEventListener("keydown", (event) => { desk.lastKey = event.key; desk.restIdle(); }, { capture: true });
  addEventListener("keyup", (event) => {
    desk.lastKey = "";
    if (event.key.toLowerCase() === "r" && desk.item.holds) desk.item.hideAll();
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
    plain: {
      j: atWork(() => desk.move(1)), k: atWork(() => desk.move(-1)), z: act("undo"), u: act("unsure"), x: act("cannot_assess"), o: act("optout"),
      r: atWork(() => desk.item.revealNext()), h: act("hide"), s: act("mark"), c: atWork(() => desk.startCiting()), n: atWork(() => { if (!desk.press("n")) desk.write(); }),
      p: act("break"), "?": act("keys"), "/": atWork(() => desk.filterOptions()), "[": atWork(() => desk.item.moveTurn(-1)), "]": atWork(() => desk.item.moveTurn(1)),
    },
    shifted: { l: act("report"), g: act("skip"), m: act("mine") },
  });
}

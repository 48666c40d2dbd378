// The dialog of the keys: what each does, and how a person gives it another one.
import { fill, h, must } from "../lib/dom.js";
import { ask } from "./dialogs.js";
import { adopt, capOf, keysNow, personalKeys, setPersonalKeys, setSingleKeys, singleKeysOn } from "./keys.js";
import { ACTIONS, capOfChord, chordOf, clashOf, optionName } from "./keymap.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./keymap.js").Personal} Personal */
/** @typedef {{ action: string } | { question: string, option: string }} Wish */

const NO_RUBRIC = { id: "", questions: [] };

/** @type {{ wish: Wish, button: HTMLElement } | null} */
let catching = null;

/** @param {string} words */
function tell(words) {
  must("#key-say").textContent = words;
}

/** @param {string} action */
function actionWords(action) {
  return document.querySelector(`#key-list [data-action="${action}"] dd`)?.textContent ?? action;
}

/** @param {string} chord */
function drawn(chord) {
  return chord === " " ? "Space" : capOfChord(chord);
}

export class Keyboard {
  /**
   * @param {import("./api.js").Api} api
   * @param {import("./desk.js").Desk} desk
   */
  constructor(api, desk) {
    this.api = api;
    this.desk = desk;
  }

  get rubric() {
    return this.desk.work?.rubric ?? null;
  }

  /** @param {Wish} wish */
  words(wish) {
    if ("action" in wish) return actionWords(wish.action);
    const question = this.rubric?.questions.find(({ id }) => id === wish.question);
    return question?.options.find(({ id }) => id === wish.option)?.label ?? wish.option;
  }

  /** @param {Wish} wish */
  chordOf(wish) {
    return "action" in wish ? keysNow().chords.get(wish.action) ?? "" : keysNow().options.get(wish.question)?.get(wish.option) ?? "";
  }

  draw() {
    for (const [action] of ACTIONS) {
      const button = must(`#key-list [data-action="${action}"] button`);
      button.setAttribute("aria-label", `${capOf(action)}. ${t("changeKey", { what: actionWords(action) })}`);
    }
    const questions = (this.rubric?.questions ?? []).filter(({ options }) => options.length);
    const box = must("#option-keys");
    box.hidden = !questions.length;
    fill(must("div", box), questions.map((question) => h("section", {}, h("h3", {}, question.text), h("dl.keys", {}, question.options.map((option) => {
      const wish = { question: question.id, option: option.id };
      const cap = capOfChord(this.chordOf(wish));
      return h("div", {}, h("dt", {}, h("button.key-set", {
        type: "button", "data-wish": `${question.id}/${option.id}`, "aria-label": `${cap}. ${t("changeKey", { what: option.label })}`,
        onclick: (event) => this.catch(wish, event.currentTarget),
      }, h("kbd.key", {}, cap || "–"))), h("dd", {}, option.label));
    })))));
  }

  /**
   * Wait for the key that is to be it.
   *
   * @param {Wish} wish
   * @param {HTMLElement} button
   */
  catch(wish, button) {
    this.stop();
    catching = { wish, button };
    button.classList.add("key-catching");
    tell(t("keyPress"));
  }

  stop() {
    catching?.button.classList.remove("key-catching");
    catching = null;
  }

  /** @param {KeyboardEvent} event */
  caught(event) {
    if (!catching || ["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const { wish } = catching;
    this.stop();
    if (event.key === "Escape" || event.key === "Tab") tell("");
    else void this.take(wish, chordOf(event));
  }

  /**
   * @param {Wish} wish
   * @param {string} chord
   */
  async take(wish, chord) {
    const rubric = this.rubric ?? NO_RUBRIC;
    const clash = clashOf(rubric, keysNow(), wish, chord);
    if (clash && (clash.kind !== "option" || "option" in wish)) {
      tell(clash.kind === "reserved" ? t("keyReserved", { key: drawn(chord) })
        : t("keyTaken", { key: drawn(chord), other: clash.kind === "action" ? actionWords(clash.name) : clash.name }));
      return;
    }
    const { actions, options } = personalKeys();
    const wanted = "action" in wish ? { actions: { ...actions, [wish.action]: chord }, options }
      : { actions, options: { ...options, [optionName(rubric.id, wish.question, this.#slotOf(wish))]: chord } };
    if (!await this.store(wanted)) return;
    const shared = clash ? this.#moved(clash.name) : "";
    tell(clash ? t("keyShared", { other: clash.name, key: drawn(chord), now: shared }) : t("keySaved", { what: this.words(wish), key: drawn(chord) }));
  }

  /**
   * The option that the key is kept for: of responses, the one whose place it has today.
   *
   * @param {{ question: string, option: string }} wish
   */
  #slotOf({ question: name, option: chosen }) {
    const question = this.rubric?.questions.find(({ id }) => id === name);
    return question?.options.find(({ id }) => id === chosen)?.slot ?? chosen;
  }

  /** @param {string} label */
  #moved(label) {
    const found = this.rubric?.questions.flatMap(({ options }) => options).find((option) => option.label === label);
    return capOfChord(found?.hotkey ?? "–");
  }

  /** @param {Personal} wanted */
  async store(wanted) {
    try {
      await this.api.call("PUT", "/me/keys", wanted);
    } catch {
      tell(t("keyNotSaved"));
      return false;
    }
    const held = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["wish"] : undefined;
    setPersonalKeys(wanted);
    const work = this.desk.work;
    if (work) {
      adopt(work.rubric);
      this.desk.draw();
    }
    this.draw();
    if (held) must(`[data-wish="${held}"]`).focus();
    return true;
  }

  async restore() {
    if (await this.store({ actions: {}, options: {} })) tell(t("keysRestored"));
  }
}

/** @type {Keyboard | null} */
let keyboard = null;

/**
 * @param {import("./api.js").Api} api
 * @param {import("./desk.js").Desk} desk
 */
function made(api, desk) {
  if (keyboard) return keyboard;
  const own = keyboard = new Keyboard(api, desk);
  must("#keys").addEventListener("keydown", (event) => own.caught(event), { capture: true });
  must("#keys").addEventListener("focusout", () => own.stop());
  must("#usual-keys").addEventListener("click", () => void own.restore());
  for (const row of document.querySelectorAll("#key-list [data-action]")) {
    const button = must("button", row);
    button.addEventListener("click", () => own.catch({ action: row.getAttribute("data-action") ?? "" }, button));
  }
  return own;
}

/**
 * Show the keys until the dialog is closed.
 *
 * @param {{ api: import("./api.js").Api }} page
 * @param {import("./desk.js").Desk} desk
 */
export async function showKeys({ api }, desk) {
  const own = made(api, desk);
  own.draw();
  tell("");
  const box = must("#single-keys");
  if (box instanceof HTMLInputElement) box.checked = singleKeysOn();
  await ask("keys");
  own.stop();
  if (box instanceof HTMLInputElement) setSingleKeys(box.checked);
}

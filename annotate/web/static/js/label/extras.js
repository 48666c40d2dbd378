// What an item holds besides words: calls of tools, and files. Loaded with the first item that has any.
import { fill, h, icon } from "../lib/dom.js";
import { care } from "./care.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").ToolCall} ToolCall */
/** @typedef {import("./types.js").MediaEntry} MediaEntry */

/**
 * How a file is shown.
 *
 * @typedef {object} How
 * @property {string} address
 * @property {boolean} careful whether it begins blurred: the rubric conceals
 * @property {string | null} lang
 */

const STORE = "touchstone.media";
const STEPS = [1, 1.5, 2, 3, 4];
const LONG = 2000;

/**
 * @param {ToolCall[]} calls
 * @returns {HTMLElement[]}
 */
export function drawCalls(calls) {
  return calls.map(({ name, arguments: given, id }) => {
    const head = [h("span.tool-word", {}, t("toolCall")), h("b.tool-name", { dir: "auto" }, name), id ? h("span.tool-id", { dir: "auto" }, id) : null];
    const text = h("div.tool-text", { dir: "auto" }, given || t("toolNothing"));
    return given.length > LONG
      ? h("details.tool-call", {}, h("summary", {}, head, " ", h("span.muted", {}, t("characterCount", { count: given.length }))), text)
      : h("div.tool-call", {}, h("div.tool-head", {}, head), text);
  });
}

/** @returns {{ blur?: boolean, grey?: boolean }} */
function wishes() {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? "{}");
  } catch {
    return {};
  }
}

/** @param {{ blur?: boolean, grey?: boolean }} wish */
function remember(wish) {
  try {
    localStorage.setItem(STORE, JSON.stringify({ ...wishes(), ...wish }));
  } catch {
    // Without storage the wish holds for this picture.
  }
}

/** @param {number} bytes */
function sizeOf(bytes) {
  return bytes < 1_000_000 ? t("kilobytes", { count: Math.max(1, Math.round(bytes / 1000)) }) : t("megabytes", { count: (bytes / 1_000_000).toFixed(1) });
}

/**
 * What is there to see or hear, in words.
 *
 * @param {MediaEntry} entry
 */
export function factsOf({ type, bytes, width, height }) {
  const kind = t(`media-${kindOf(type)}`);
  const size = width && height ? ` ${t("pixels", { width, height })}` : "";
  return `${kind}${size}, ${sizeOf(bytes)}`;
}

/**
 * @param {string} type
 * @returns {"image" | "audio" | "video"}
 */
export function kindOf(type) {
  const kind = type.split("/")[0];
  return kind === "audio" || kind === "video" ? kind : "image";
}

/**
 * A file that is not shown yet: what it is, and a button. Nothing of it is fetched.
 *
 * @param {MediaEntry} entry
 * @param {{ part: string, words: string, cap: string }} button
 * @returns {HTMLElement}
 */
export function offer(entry, { part, words, cap }) {
  return h("div.concealed.media-offer", {}, h("div", {}, h("strong", {}, factsOf(entry)), entry.alt ? h("p", { dir: "auto" }, entry.alt) : h("p", {}, t("noAlt"))),
    h("button.btn.btn-sm", { type: "button", "data-reveal": part }, icon("eye"), words, " ", cap ? h("kbd.key", {}, cap) : null));
}

/**
 * A file that is shown.
 *
 * @param {MediaEntry} entry
 * @param {How} how
 * @returns {HTMLElement}
 */
export function drawFile(entry, how) {
  const kind = kindOf(entry.type);
  return kind === "image" ? picture(entry, how) : recording(entry, kind, how);
}

/**
 * @param {HTMLElement} figure
 * @param {boolean} careful
 */
function veil(figure, careful) {
  const wish = wishes();
  const { blur } = care();
  if (blur) figure.dataset["blur"] = String(blur);
  figure.classList.toggle("media-blur", blur > 0 || (wish.blur ?? careful));
  figure.classList.toggle("media-grey", care().grey || (wish.grey ?? false));
}

/**
 * Buttons that blur, take the colour out, and lift the blur while they are held.
 *
 * @param {HTMLElement} figure
 * @returns {HTMLElement[]}
 */
function veilButtons(figure) {
  const hold = h("button.btn.btn-sm.media-hold", { type: "button" }, icon("eye"), t("holdToView"));
  const lift = (/** @type {boolean} */ on) => figure.classList.toggle("media-lifted", on);
  const held = (/** @type {KeyboardEvent} */ event) => event.key === " " || event.key === "Enter";
  hold.addEventListener("pointerdown", () => lift(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) hold.addEventListener(end, () => lift(false));
  hold.addEventListener("keydown", (event) => { if (held(event)) { event.preventDefault(); lift(true); } });
  hold.addEventListener("keyup", (event) => { if (held(event)) { event.preventDefault(); lift(false); } });
  const toggles = /** @type {const} */ (["blur", "grey"]).map((name) => {
    const button = h("button.btn.btn-quiet.btn-sm", { type: "button", "aria-pressed": String(figure.classList.contains(`media-${name}`)) }, t(`media-${name}`));
    button.addEventListener("click", () => {
      const on = figure.classList.toggle(`media-${name}`);
      button.setAttribute("aria-pressed", String(on));
      remember({ [name]: on });
    });
    return button;
  });
  return [...toggles, hold];
}

/**
 * @param {MediaEntry} entry
 * @param {How} how
 */
function picture(entry, { address, careful }) {
  const figure = h("figure.media.media-image");
  veil(figure, careful);
  const image = document.createElement("img");
  image.alt = entry.alt ?? t("noAlt");
  image.decoding = "async";
  if (entry.width && entry.height) {
    image.width = entry.width;
    image.height = entry.height;
  }
  const frame = h("div.media-frame", { tabindex: "0", role: "group", "aria-label": t("pictureFrame") }, image);
  const zoom = zoomOf(figure, frame);
  const notice = h("p.media-say", { role: "status" });
  image.addEventListener("error", () => fill(notice, t("mediaLost"), " ", h("button.btn.btn-sm", { type: "button", onclick: () => { fill(notice); image.src = address; } }, t("loadAgain"))));
  image.addEventListener("load", () => figure.setAttribute("data-loaded", "yes"));
  image.src = address;
  figure.append(h("div.media-bar", { role: "group", "aria-label": t("viewOfPicture") }, veilButtons(figure), zoom), frame, notice);
  if (entry.alt) figure.append(h("figcaption", { dir: "auto" }, entry.alt));
  return figure;
}

/**
 * @param {HTMLElement} figure
 * @param {HTMLElement} frame
 */
function zoomOf(figure, frame) {
  let step = 0;
  const now = h("output.media-zoom", {}, "100%");
  const go = (/** @type {number} */ to) => {
    step = Math.min(Math.max(to, 0), STEPS.length - 1);
    figure.setAttribute("data-zoom", String(step));
    now.textContent = `${(STEPS[step] ?? 1) * 100}%`;
  };
  frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !["+", "=", "-"].includes(event.key)) return;
    event.preventDefault();
    go(event.key === "-" ? step - 1 : step + 1);
  });
  go(0);
  return h("span.media-zooms", {}, h("button.btn.btn-quiet.btn-sm", { type: "button", "aria-label": t("zoomOut"), onclick: () => go(step - 1) }, "−"), now,
    h("button.btn.btn-quiet.btn-sm", { type: "button", "aria-label": t("zoomIn"), onclick: () => go(step + 1) }, "+"));
}

/**
 * @param {MediaEntry} entry
 * @param {"audio" | "video"} kind
 * @param {How} how
 */
function recording(entry, kind, { address, careful, lang }) {
  const figure = h(`figure.media.media-${kind}`);
  if (kind === "video") veil(figure, careful);
  const stage = h("div.media-stage");
  const load = h("button.btn.btn-sm", { type: "button" }, icon("next"), t("loadRecording", { facts: factsOf(entry) }));
  load.addEventListener("click", () => {
    const player = makePlayer(kind, address, entry);
    fill(stage, kind === "video" ? h("div.media-bar", { role: "group", "aria-label": t("viewOfPicture") }, veilButtons(figure)) : null, player, care().mute ? h("p.note", {}, t("startsMuted")) : null);
    player.focus();
  });
  fill(stage, load);
  figure.append(
    entry.transcript
      ? h("div.transcript", {}, h("div.tool-word", {}, t("transcript")), h("div.turn-text", { dir: "auto", lang }, entry.transcript))
      : h("p.note", {}, t("noTranscript")),
    stage,
  );
  if (entry.alt) figure.append(h("figcaption", { dir: "auto" }, entry.alt));
  return figure;
}

/**
 * @param {"audio" | "video"} kind
 * @param {string} address
 * @param {MediaEntry} entry
 */
function makePlayer(kind, address, entry) {
  const player = document.createElement(kind);
  player.controls = true;
  player.preload = "metadata";
  player.defaultMuted = care().mute;
  player.muted = care().mute;
  player.setAttribute("controlslist", "nodownload noremoteplayback");
  player.setAttribute("aria-label", entry.alt ?? factsOf(entry));
  if (player instanceof HTMLVideoElement) {
    player.disablePictureInPicture = true;
    player.playsInline = true;
  }
  player.src = address;
  return player;
}

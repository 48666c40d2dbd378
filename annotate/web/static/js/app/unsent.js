import { Api, pause } from "../label/api.js";
import { Sender } from "../label/sender.js";
import { answerOf, must } from "../lib/dom.js";
import { Queue } from "../lib/queue.js";

/** A browser that does not tell what it holds does not keep anybody signed in. */
const PATIENCE = 3000;
/** What is sent within this time needs no word that it waits. */
const SOON = 1500;

/** @param {() => void} onChange */
function ownSender(onChange) {
  const { account = "", csrf = "" } = document.body.dataset;
  return new Sender(new Api("/api/v1", csrf, account), new Queue(account), { onChange, onSaved() {}, onRefused() {}, onSignedOut() {} });
}

/**
 * @param {Sender} sender
 * @returns {Promise<number>} how many annotations are not on the server
 */
function looked(sender) {
  return Promise.race([sender.look(), pause(PATIENCE).then(() => 0)]);
}

/**
 * Send what waits, and tell how it goes.
 *
 * @param {HTMLElement} note
 */
export async function sendHere(note) {
  let telling = false;
  const draw = () => {
    const { waiting, refused } = sender;
    if (!telling) return;
    for (const [kind, { length }] of Object.entries({ waiting, refused })) {
      const line = must(`[data-unsent=${kind}]`, note);
      line.hidden = !length;
      must("b", line).textContent = String(length);
    }
    must("button", note).hidden = !waiting.length;
    note.hidden = !waiting.length && !refused.length;
    must("#unsent-sent").hidden = !had || !note.hidden;
  };
  const sender = ownSender(draw);
  if (!await looked(sender)) return;
  const had = sender.waiting.length > 0;
  must("button", note).addEventListener("click", () => sender.wake());
  if (had) await Promise.race([sender.sendNow(), pause(SOON)]);
  telling = true;
  draw();
  if (sender.waiting.length) sender.wake();
}

/** @returns {Promise<boolean>} whether nothing waits, or the person knows */
export async function mayLeave() {
  const sender = ownSender(() => {});
  let left = await looked(sender);
  for (let failed = false; left > 0; failed = true) {
    const said = await askUnsent(left, failed);
    if (said !== "send") return said === "keep";
    left = await sender.sendNow();
  }
  return true;
}

/**
 * @param {number} count
 * @param {boolean} failed
 * @returns {Promise<string>} send, keep or ""
 */
function askUnsent(count, failed) {
  const dialog = document.getElementById("unsent");
  const figure = document.getElementById("unsent-count");
  const words = document.getElementById("unsent-failed");
  if (!(dialog instanceof HTMLDialogElement) || !figure || !words) return Promise.resolve("keep");
  figure.textContent = String(count);
  words.hidden = !failed;
  return answerOf(dialog);
}

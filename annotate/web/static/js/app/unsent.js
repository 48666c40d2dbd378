import { Api } from "../label/api.js";
import { Sender } from "../label/sender.js";
import { Queue } from "../lib/queue.js";

/** A browser that does not tell what it holds does not keep anybody signed in. */
const PATIENCE = 3000;

/** @returns {Promise<boolean>} whether nothing waits, or the person knows */
export async function mayLeave() {
  const { account = "", csrf = "" } = document.body.dataset;
  const queue = new Queue(account);
  const sender = new Sender(new Api("/api/v1", csrf, account), queue, { onChange() {}, onSaved() {}, onRefused() {}, onSignedOut() {} });
  const nothing = new Promise((done) => { setTimeout(done, PATIENCE, 0); });
  let left = await Promise.race([sender.look(), nothing]);
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
  dialog.returnValue = "";
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true });
    dialog.showModal();
  });
}

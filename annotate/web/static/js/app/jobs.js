/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} state
 * @property {number | null} [done]
 * @property {number | null} [total]
 * @property {string | null} [message]
 */

const FINAL = new Set(["done", "failed", "cancelled"]);
const FIRST_WAIT = 700;
const LONGEST_WAIT = 8000;

/**
 * @param {HTMLElement} box
 * @param {Job} job
 * @param {string} label
 */
function show(box, job, label) {
  const bar = box.querySelector("progress");
  const text = box.querySelector("[data-job-text]");
  const note = box.querySelector("[data-job-note]");
  if (bar && job.total) {
    bar.max = job.total;
    bar.value = job.done ?? 0;
  }
  if (text) text.textContent = job.total ? `${label}: ${job.done ?? 0} / ${job.total}` : label;
  if (note) note.textContent = job.message ?? "";
}

/** @param {HTMLElement} box */
async function watch(box) {
  const label = box.querySelector("progress")?.getAttribute("aria-label") ?? "";
  let wait = FIRST_WAIT;
  for (;;) {
    await new Promise((done) => { setTimeout(done, wait); });
    wait = Math.min(wait * 1.3, LONGEST_WAIT);
    try {
      const answer = await fetch(`/api/v1/jobs/${encodeURIComponent(box.dataset["job"] ?? "")}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) continue;
      /** @type {Job} */
      const job = await answer.json();
      show(box, job, label);
      if (FINAL.has(job.state)) {
        location.assign(box.dataset["next"] ?? location.href);
        return;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // The network is away; look again after the wait.
    }
  }
}

/** Follow every running job on the page; when it ends, the page is loaded again and says how it ended. */
export function watchJobs() {
  for (const box of document.querySelectorAll("[data-job]")) {
    if (!(box instanceof HTMLElement)) continue;
    const link = box.querySelector("[data-no-script]");
    if (link instanceof HTMLElement) link.hidden = true;
    if (!FINAL.has(box.dataset["state"] ?? "")) void watch(box);
  }
}

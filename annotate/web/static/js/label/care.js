// What the project and the person set for how items are shown. Written by the server into the page; read only.

/**
 * @typedef {object} Care
 * @property {boolean} conceal
 * @property {boolean} hold
 * @property {number} idle_minutes
 * @property {number} blur 0 to 3
 * @property {boolean} grey
 * @property {boolean} mute
 * @property {number} break_minutes
 * @property {number} break_severity
 */

/** @type {Care} */
const OPEN = { conceal: false, hold: false, idle_minutes: 3, blur: 0, grey: false, mute: true, break_minutes: 50, break_severity: 4 };

/** @type {Care | null} */
let read = null;

/** @returns {Care} */
export function care() {
  const known = read ?? { ...OPEN, ...JSON.parse(document.getElementById("care")?.dataset["care"] ?? "{}") };
  read = known;
  return known;
}

/** Answers that wait in this browser are sent from any page that can tell of them. The labelling page does it by itself. */
export function sendWaiting() {
  const note = document.getElementById("unsent-note");
  if (note) void import("./unsent.js").then(({ sendHere }) => sendHere(note), () => {});
}

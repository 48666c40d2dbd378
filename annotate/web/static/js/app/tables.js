/**
 * `<input type="search" data-filters="table-id">` hides the rows of a table that do not hold every typed word.
 * Only for tables that are whole on the page; long lists are filtered by the server.
 */
export function filterTables() {
  for (const input of document.querySelectorAll("input[data-filters]")) {
    if (!(input instanceof HTMLInputElement)) continue;
    const table = document.getElementById(input.dataset["filters"] ?? "");
    if (!(table instanceof HTMLTableElement)) continue;
    const field = input.closest("[hidden]");
    if (field instanceof HTMLElement) field.hidden = false;
    input.addEventListener("input", () => {
      const words = input.value.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
      for (const body of table.tBodies) {
        for (const row of body.rows) {
          const text = row.textContent?.toLocaleLowerCase() ?? "";
          row.hidden = !words.every((word) => text.includes(word));
        }
      }
    });
  }
}

// Search over a rubric's guidelines: what is found, and where its words stand on the page.

/** @typedef {import("./types.js").Rubric} Rubric */

/**
 * A part of the guidelines that can be found.
 *
 * @typedef {object} Part
 * @property {"definition" | "include" | "exclude" | "edge" | "anchor" | "example" | "counterexample"} kind
 * @property {string} category
 * @property {string} categoryName
 * @property {string} clause id of the clause; '' where it is none
 * @property {string} text
 * @property {string} more a ruling, a note, the clause of an example
 * @property {string | null} language of an example
 */

const HIGHLIGHT = "guidelines";

/**
 * @param {Rubric} rubric
 * @returns {Part[]}
 */
export function partsOf(rubric) {
  return rubric.categories.flatMap((category) => {
    const base = { category: category.id, categoryName: category.name, clause: "", more: "", language: null };
    return /** @type {Part[]} */ ([
      { ...base, kind: "definition", text: category.definition },
      ...category.clauses.map(({ id, kind, text, ruling }) => ({ ...base, kind, clause: id, text, more: ruling ?? "" })),
      ...Object.values(category.severity_anchors).map((text) => ({ ...base, kind: "anchor", text })),
      ...category.examples.map((one) => ({ ...base, kind: "example", text: one.text, more: [one.clause, one.note].filter(Boolean).join(" · "), language: one.language ?? null })),
      ...category.counterexamples.map((one) => ({ ...base, kind: "counterexample", text: one.text, more: [one.clause, one.note].filter(Boolean).join(" · "), language: one.language ?? null })),
    ]);
  });
}

/**
 * @param {string} query
 * @returns {string[]}
 */
export function wordsOf(query) {
  return query.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
}

/**
 * The parts that hold every word, those of the category at hand first.
 *
 * @param {Part[]} parts
 * @param {string[]} words
 * @param {string} category
 * @returns {Part[]}
 */
export function found(parts, words, category) {
  if (!words.length) return [];
  const hits = parts.filter((part) => {
    const text = `${part.clause} ${part.categoryName} ${part.text} ${part.more}`.toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
  return [...hits.filter((part) => part.category === category), ...hits.filter((part) => part.category !== category)];
}

/**
 * Paint the words where they stand under an element, by ranges: the tree stays as it is.
 *
 * @param {Element} within
 * @param {string[]} words
 */
export function paintWords(within, words) {
  if (!("highlights" in CSS)) return;
  const ranges = [];
  const walker = document.createTreeWalker(within, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = (node.nodeValue ?? "").toLocaleLowerCase();
    if (text.length !== node.nodeValue?.length) continue; // letters that change their length: no place can be told
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        ranges.push(range);
      }
    }
  }
  if (ranges.length) CSS.highlights.set(HIGHLIGHT, new Highlight(...ranges));
  else CSS.highlights.delete(HIGHLIGHT);
}

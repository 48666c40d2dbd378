// Every text stands in a template, where it can be translated; a page brings it along, or a file for each language does.
// `t("left", { count: 3 })` fills {count}.

/** @type {Map<string, string> | null} */
let texts = null;

/**
 * `{key_mark}` stands for the key that this person has for the action; the page draws it somewhere.
 *
 * @param {string} name
 */
function ownKey(name) {
  return name.startsWith("key_") ? document.querySelector(`[data-key-of="${name.slice(4)}"]`)?.textContent : null;
}

/** @returns {Map<string, string>} */
function load() {
  const found = new Map(Object.entries(/** @type {any} */ (globalThis)["$texts"] ?? {}));
  const template = document.getElementById("label-texts");
  if (template instanceof HTMLTemplateElement) {
    for (const node of template.content.querySelectorAll("[data-t]")) {
      found.set(node.getAttribute("data-t") ?? "", node.textContent?.trim() ?? "");
    }
  }
  return found;
}

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  texts ??= load();
  const text = texts.get(key);
  if (text === undefined) throw new Error(`No text for ${key}`);
  return text.replace(/\{(\w+)\}/gu, (whole, name) => String(values[name] ?? ownKey(name) ?? whole));
}

/**
 * A text that may be missing, such as the name of a role that an item brings along.
 *
 * @param {string} key
 * @param {string} otherwise
 * @returns {string}
 */
export function tOr(key, otherwise) {
  texts ??= load();
  return texts.get(key) ?? otherwise;
}

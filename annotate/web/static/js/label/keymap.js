// The keys of a person for a rubric: what each action and each option is pressed with. Pure: no page, no storage.

import { TIE_KEY } from "./ranking.js";

/** @typedef {Pick<import("./types.js").Rubric, "id" | "questions">} Rubric */
/** @typedef {import("./types.js").Question} Question */

/**
 * What a person chose: a chord for an action, a key for an option (`question/option` under the rubric's id).
 *
 * @typedef {{ actions: Record<string, string>, options: Record<string, string> }} Personal
 */

/**
 * @typedef {object} Keymap
 * @property {Map<string, string>} chords by action
 * @property {Map<string, string>} actions by chord
 * @property {Map<string, Map<string, string>>} options by question, then by option
 */

/** @typedef {{ kind: "reserved" | "action" | "option", name: string }} Clash */

/** Every action that has a key, with its usual chord. The server knows the same list. */
export const ACTIONS = /** @type {[string, string][]} */ ([
  ["next", "j"], ["previous", "k"], ["unsure", "u"], ["cannot_assess", "x"], ["undo", "z"],
  ["reveal", "r"], ["hide", "h"], ["turn_before", "["], ["turn_after", "]"], ["jump", "shift+t"], ["invisibles", "shift+i"], ["mark", "s"],
  ["search", "."], ["cite", "c"], ["write", "n"], ["filter", "/"],
  ["optout", "o"], ["report", "shift+l"], ["skip", "shift+g"], ["mine", "shift+m"], ["break", "p"], ["support", "shift+s"], ["keys", "?"],
]);
const SPARE = [",", ";", "-", "'", "\\", "`", "shift+y", "shift+w", "shift+q", "shift+e", "shift+v", "shift+b", "shift+d", "shift+f"];
const OPTION_KEYS = "1234567890abdefgilmnqtvwyhjkoprsuxzc";
const CODES = /** @type {Record<string, string>} */ ({ Slash: "/", BracketLeft: "[", BracketRight: "]", Comma: ",", Period: ".", Semicolon: ";", Quote: "'", Minus: "-", Equal: "=", Backslash: "\\", Backquote: "`" });
const NONE = "0";
const CHORD = /^(?:shift\+[a-z]|[a-z]|[!-/:-@[-`{-~])$/u;

/**
 * The key in Latin letters and digits, also on a keyboard for another script: there by its place.
 *
 * @param {{ key: string, code: string, shiftKey: boolean }} event
 * @returns {string}
 */
export function keyOf({ key, code, shiftKey }) {
  if (key.length > 1 || key.charCodeAt(0) < 128) return key.length === 1 ? key.toLowerCase() : key;
  if (code === "Slash" && shiftKey) return "?";
  const letter = /^(?:Key|Digit)([A-Z0-9])$/u.exec(code)?.[1];
  return letter?.toLowerCase() ?? CODES[code] ?? key;
}

/**
 * The key with its Shift, where Shift makes another key of it: `shift+l`, but `?`.
 *
 * @param {{ key: string, code: string, shiftKey: boolean }} event
 * @returns {string}
 */
export function chordOf(event) {
  const key = keyOf(event);
  return event.shiftKey && /^[a-z]$/u.test(key) ? `shift+${key}` : key;
}

/**
 * Whether an action may have it: no digit, nothing that is not printed on keyboards.
 *
 * @param {string} chord
 */
export function isChord(chord) {
  return CHORD.test(chord);
}

/**
 * Whether an option may have it.
 *
 * @param {string} key
 */
export function isOptionKey(key) {
  return /^[a-z0-9]$/u.test(key);
}

/**
 * @param {string} rubricId
 * @param {string} question
 * @param {string} option
 */
export function optionName(rubricId, question, option) {
  return `${rubricId}/${question}/${option}`;
}

/** @param {Rubric} rubric */
function claimed(rubric) {
  return new Set([...tieKeys(rubric.questions), ...rubric.questions.flatMap(({ options }) => options.map(({ usual, hotkey }) => usual ?? hotkey ?? ""))]);
}

/**
 * The key that ties two options, where a ranking allows ties.
 *
 * @param {Question[]} questions
 */
function tieKeys(questions) {
  return questions.some(({ type, ties }) => type === "ranking" && ties) ? [TIE_KEY] : [];
}

/**
 * @param {Rubric} rubric
 * @param {Personal} personal
 * @returns {Map<string, string>}
 */
function chordsOf(rubric, personal) {
  /** @type {Map<string, string>} */
  const chords = new Map();
  const taken = new Set();
  const ties = tieKeys(rubric.questions);
  const give = (/** @type {string} */ action, /** @type {string} */ chord) => { chords.set(action, chord); taken.add(chord); };
  for (const [action] of ACTIONS) {
    const own = personal.actions[action];
    if (own && isChord(own) && !taken.has(own) && !ties.includes(own)) give(action, own);
  }
  const ofRubric = claimed(rubric);
  for (const [action, usual] of ACTIONS) {
    if (chords.has(action)) continue;
    const free = [usual, ...SPARE].find((chord) => !taken.has(chord) && !ofRubric.has(chord));
    give(action, free ?? usual);
  }
  return new Map(ACTIONS.map(([action]) => [action, chords.get(action) ?? ""]));
}

/**
 * @param {Question} question
 * @param {(option: string) => string | undefined} chosen
 * @param {Set<string>} taken
 * @returns {Map<string, string>}
 */
function keysOf(question, chosen, taken) {
  const keys = new Map();
  const used = new Set([...taken, ...tieKeys([question])]);
  if (["multi", "span"].includes(question.type) && (question.min ?? 0) === 0) used.add(NONE);
  const give = (/** @type {string} */ option, /** @type {string | null | undefined} */ key) => {
    if (!key || used.has(key) || keys.has(option)) return;
    keys.set(option, key);
    used.add(key);
  };
  for (const { id, slot } of question.options) give(id, chosen(slot ?? id));
  for (const { id, usual, hotkey } of question.options) give(id, usual ?? hotkey);
  for (const { id } of question.options) give(id, [...OPTION_KEYS].find((key) => !used.has(key)));
  return keys;
}

/**
 * The keys of a person for a rubric. No key means two things at the same time, whatever was chosen.
 *
 * @param {Rubric} rubric
 * @param {Personal} personal
 * @returns {Keymap}
 */
export function keymapOf(rubric, personal) {
  const chords = chordsOf(rubric, personal);
  const actions = new Map([...chords].map(([action, chord]) => [chord, action]));
  const taken = new Set(actions.keys());
  const options = new Map(rubric.questions.map((question) => [question.id, keysOf(question, (option) => {
    const own = personal.options[optionName(rubric.id, question.id, option)];
    return own && isOptionKey(own) ? own : undefined;
  }, taken)]));
  return { chords, actions, options };
}

/**
 * What stands against giving a key to an action or an option; null when nothing does.
 *
 * @param {Rubric} rubric
 * @param {Keymap} keymap
 * @param {{ action: string } | { question: string, option: string }} wish
 * @param {string} chord
 * @returns {Clash | null}
 */
export function clashOf(rubric, keymap, wish, chord) {
  const holder = keymap.actions.get(chord);
  if ("action" in wish) {
    if (!isChord(chord) || tieKeys(rubric.questions).includes(chord)) return { kind: "reserved", name: chord };
    if (holder && holder !== wish.action) return { kind: "action", name: holder };
    for (const { options } of rubric.questions) {
      const option = options.find(({ usual, hotkey }) => (usual ?? hotkey) === chord);
      if (option) return { kind: "option", name: option.label };
    }
    return null;
  }
  const question = rubric.questions.find(({ id }) => id === wish.question);
  if (!isOptionKey(chord) || (question && tieKeys([question]).includes(chord))) return { kind: "reserved", name: chord };
  if (holder) return { kind: "action", name: holder };
  if (chord === NONE && question && ["multi", "span"].includes(question.type) && (question.min ?? 0) === 0) return { kind: "reserved", name: chord };
  const other = question?.options.find(({ id }) => id !== wish.option && keymap.options.get(wish.question)?.get(id) === chord);
  return other ? { kind: "option", name: other.label } : null;
}

/**
 * The rubric with the keys that its options have for this person.
 *
 * @param {Rubric} rubric
 * @param {Keymap} keymap
 */
export function putKeys(rubric, keymap) {
  for (const question of rubric.questions) {
    for (const option of question.options) {
      option.usual ??= option.hotkey ?? null;
      option.hotkey = keymap.options.get(question.id)?.get(option.id) ?? null;
    }
  }
}

/**
 * As it is drawn: `Shift L`, `?`.
 *
 * @param {string} chord
 */
export function capOfChord(chord) {
  return chord.startsWith("shift+") ? `Shift ${chord.slice(6).toUpperCase()}` : chord.toUpperCase();
}

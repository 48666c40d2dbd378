// Characters that nobody sees: each is shown in a box with its name, which the style sheet draws. The text itself stays as it is,
// so that offsets, marks and copies do not change.
import { h } from "../lib/dom.js";
import { INVISIBLE } from "./codepoints.js";

const NAMES = new Map(Object.entries({
  "00a0": "NBSP", "00ad": "SHY", "034f": "CGJ", "061c": "ALM", "180e": "MVS", "200b": "ZWSP", "200c": "ZWNJ", "200d": "ZWJ", "200e": "LRM", "200f": "RLM",
  "2028": "LS", "2029": "PS", "202a": "LRE", "202b": "RLE", "202c": "PDF", "202d": "LRO", "202e": "RLO", "202f": "NNBSP", "2060": "WJ", "2066": "LRI",
  "2067": "RLI", "2068": "FSI", "2069": "PDI", "2800": "BLANK", "3000": "IDSP", "3164": "HF", "fe0f": "VS16", feff: "BOM",
}));

/**
 * What a character is called in its box: a short name, or its number.
 *
 * @param {string} character
 * @returns {string}
 */
export function nameOf(character) {
  const point = character.codePointAt(0) ?? 0;
  const number = point.toString(16).padStart(4, "0");
  if (point >= 0xe0020 && point <= 0xe007e) return `TAG ${String.fromCodePoint(point - 0xe0000)}`;
  return NAMES.get(number) ?? `U+${number.toUpperCase()}`;
}

/**
 * A text cut around its invisible characters.
 *
 * @param {string} text
 * @returns {{ text: string, name: string }[]} `name` is empty for what can be seen
 */
export function cut(text) {
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(new RegExp(INVISIBLE, "gu"))) {
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), name: "" });
    pieces.push({ text: match[0], name: nameOf(match[0]) });
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), name: "" });
  return pieces;
}

/**
 * The text as it stands in the page, with every invisible character in its box.
 *
 * @param {string} text
 * @returns {(string | HTMLElement)[]}
 */
export function shown(text) {
  return cut(text).map((piece) => (piece.name ? h("span.unseen", { "data-name": piece.name }, piece.text) : piece.text));
}

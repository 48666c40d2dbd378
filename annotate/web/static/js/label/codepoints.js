// Browsers count UTF-16 units; Touchstone stores code points. These turn one into the other.

/**
 * @param {string} text
 * @param {number} unit offset in UTF-16 units
 * @returns {number} the same place in code points; inside a surrogate pair: the start of the pair
 */
export function toCodePoint(text, unit) {
  let points = 0;
  let at = 0;
  while (at < unit && at < text.length) {
    const size = (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
    if (at + size > unit) break;
    at += size;
    points += 1;
  }
  return points;
}

/**
 * @param {string} text
 * @param {number} point offset in code points
 * @returns {number} the same place in UTF-16 units
 */
export function toUnit(text, point) {
  let at = 0;
  for (let left = point; left > 0 && at < text.length; left -= 1) {
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  }
  return at;
}

/**
 * @param {string} text
 * @returns {number} how many code points it has
 */
export function countCodePoints(text) {
  return toCodePoint(text, text.length);
}

/**
 * @param {string} text
 * @param {number} start
 * @param {number} end
 * @returns {string} the part between two code points
 */
export function sliceCodePoints(text, start, end) {
  return text.slice(toUnit(text, start), toUnit(text, end));
}

/** Characters that take no ink: formats, joiners, marks of direction, blanks other than the space, tags, controls other than line ends. */
export const INVISIBLE = "[\\p{Cf}\\p{Zl}\\p{Zp}\\u00a0\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u2000-\\u200a\\u202f\\u205f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\uffa0\\u{e0100}-\\u{e01ef}\\u0001-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]";

/**
 * @param {string} text
 * @returns {number} how many characters of it cannot be seen
 */
export function countInvisible(text) {
  return text.match(new RegExp(INVISIBLE, "gu"))?.length ?? 0;
}

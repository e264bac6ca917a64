// Where the text of a long block may be cut so that each piece can be read by itself. It keeps the work for a block in
// proportion to its length, and lets a paragraph that is still coming be finished piece by piece. Where a cut falls
// depends on the text before it only, so that it falls in the same place however the text arrives.

/** @typedef {import("./lexer.js").Token} Token */

/** No piece is shorter, and no shorter text is cut. */
export const SEGMENT = 1_000;

/** Where a piece has to end, whatever is open in it: an opened span longer than this is not one. */
const LIMIT = 4_000;

/** Cuts are tried between two words of a line only: no block and no span begins with a letter. */
const WORD = /(?<=\S |[。！？])\p{L}/gu;

/** A picture inside the text may be longer than a piece; it is not cut. */
const PICTURE = /data:image\/[a-z]{3,4};base64,[A-Za-z0-9+/=]*/g;

/** What may still open or close something further on, in text that was read as plain. */
const OPEN = /`|~~|\]\(|\$\$|<[a-z/!?]|\*(?!\s)|(?<![\p{L}\p{N}])_(?!\s)|_$|\[(?![^[\]]*\])/iu;

/** Tags with a partner further on: those of the spans we show, and those between which marked reads otherwise. */
const OPENS = /^<(?:a|pre|code|kbd|script|sub|sup)\b/i;

/**
 * Find the end of the first piece.
 *
 * @param {string} text
 * @param {(text: string) => Token[]} read
 * @returns {number} 0 where the text is one piece, as far as it is there.
 */
export function nextCut(text, read) {
  const near = text.slice(0, LIMIT);
  for (let wanted = SEGMENT; wanted < LIMIT; wanted *= 2) {
    const cut = wordAfter(near, wanted);
    if (cut === 0) break;
    if (isClosed(read(text.slice(0, cut)))) return cut;
  }
  return text.length > LIMIT ? forcedCut(text) : 0;
}

/**
 * @param {string} text
 * @param {number} from
 */
function wordAfter(text, from) {
  WORD.lastIndex = from;
  return WORD.exec(text)?.index ?? 0;
}

/** @param {string} text Longer than the limit. */
function forcedCut(text) {
  PICTURE.lastIndex = 0;
  for (let picture = PICTURE.exec(text); picture !== null && picture.index < LIMIT; picture = PICTURE.exec(text)) {
    const end = picture.index + picture[0].length;
    if (end >= LIMIT) return end + 1 < text.length ? end + 1 : 0;
  }
  const splitsCharacter = /[\udc00-\udfff]/.test(text[LIMIT]);
  return splitsCharacter ? LIMIT - 1 : LIMIT;
}

/**
 * Whether nothing in these tokens can be changed by what follows them.
 *
 * @param {Token[]} tokens
 * @returns {boolean}
 */
function isClosed(tokens) {
  return tokens.every((token) => {
    if (token.type === "escape") return !/^\\[([]/.test(token.raw);
    if (token.type === "text" && !token.tokens) return !OPEN.test(token.raw);
    return token.type === "html" ? !OPENS.test(token.raw) : isClosed(token.tokens ?? []);
  });
}

/** Line breaks and terminal escapes, text direction marks, lone surrogates: nothing of it may reach a log or a page. */
const unwanted = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

/**
 * Text from a guest as one harmless line: without control characters, at most `limit` characters.
 * @param limit number of characters (code points)
 */
export function cleanText(text: string, limit = 500): string {
  // A character takes at most two units, and runs of unwanted ones are short work after the cut.
  const line = text
    .slice(0, limit * 8)
    .replaceAll(unwanted, ' ')
    .replaceAll(/ {2,}/gu, ' ')
    .trim();
  const characters = Array.from(line);
  return characters.length <= limit ? line : `${characters.slice(0, limit).join('')}…`;
}

/** Words too common to be worth marking. */
const common = new Set(
  "a an and are as at be but by can do does for from had has have how i if in into is it its me my not of on or our so that the their them then there these they this to was we were what when where which who why will with you your".split(" "),
);

/** What of a passage to mark for a question: its words, and longer forms of them. Null when it has none. */
export function patternOf(question: string): RegExp | null {
  const words = (question.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).filter((word) => word.length > 1 && !common.has(word));
  if (words.length === 0) return null;
  const stems = [...new Set(words)].map((word) => (word.length > 4 ? word.replace(/(ing|ed|es|s|e)$/u, "") : word));
  // Scripts without spaces between words have no word starts to look for.
  const spaced = (stem: string) => (/^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N}_]+$/u.test(stem) ? `(?<![\\p{L}\\p{N}_])${stem}[\\p{L}\\p{N}_]*` : stem);
  return new RegExp(stems.map(spaced).join("|"), "giu");
}

export interface Piece {
  text: string;
  marked: boolean;
}

export function pieces(text: string, pattern: RegExp | null): Piece[] {
  if (!pattern) return [{ text, marked: false }];
  const result: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) result.push({ text: text.slice(end, match.index), marked: false });
    result.push({ text: match[0], marked: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) result.push({ text: text.slice(end), marked: false });
  return result;
}

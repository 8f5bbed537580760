export interface Segment {
  text: string;
  chunk: number | null; // the passage's index; null: between passages
  start: number; // in code points
}

interface Cut {
  index: number;
  range: { start: number; end: number };
}

/**
 * A content along its passages' boundaries. Ranges count code points, strings UTF-16 units; a passage that repeats the end
 * of the one before begins where that one ends.
 */
export function segmentsOf(content: string, chunks: Cut[]): Segment[] {
  const segments: Segment[] = [];
  let unit = 0;
  let point = 0;
  const advance = (to: number): string => {
    const begin = unit;
    while (point < to && unit < content.length) {
      unit += content.codePointAt(unit)! > 0xffff ? 2 : 1;
      point += 1;
    }
    return content.slice(begin, unit);
  };
  for (const { index, range } of [...chunks].sort((a, b) => a.range.start - b.range.start)) {
    if (range.start > point) {
      const start = point;
      const between = advance(range.start);
      const before = segments.at(-1);
      if (between.trim() !== "") segments.push({ text: between, chunk: null, start });
      else if (before) before.text += between;
    }
    if (range.end > point) {
      const start = point;
      segments.push({ text: advance(range.end), chunk: index, start });
    }
  }
  const start = point;
  const rest = content.slice(unit);
  if (rest.trim() !== "") for (const part of inParts(rest)) segments.push({ text: part, chunk: null, start });
  return segments;
}

const kPart = 4000;

/** A long text without passages (not embedded yet) in pieces that can be shown one by one. */
function inParts(text: string): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const line = text.indexOf("\n", at + kPart);
    const end = line < 0 || line > at + 2 * kPart ? Math.min(text.length, at + 2 * kPart) : line + 1;
    parts.push(text.slice(at, end));
    at = end;
  }
  return parts;
}

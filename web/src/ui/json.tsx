import { type ReactNode, useMemo } from "react";

const kLongest = 200_000; // characters that are coloured; longer ones stay plain

const token = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;

/** JSON with its names, texts and numbers told apart. */
export function Json({ value }: { value: unknown }) {
  const text = useMemo(() => JSON.stringify(value, null, 2), [value]);
  const parts = useMemo(() => {
    if (text.length > kLongest) return [text];
    const result: ReactNode[] = [];
    let end = 0;
    for (const match of text.matchAll(token)) {
      result.push(text.slice(end, match.index));
      const kind = match[2] ? "name" : match[1] ? "text" : match[3] ? "word" : "digits";
      result.push(
        <span key={match.index} className={`json-${kind}`}>
          {match[1] ?? match[0]}
        </span>,
      );
      if (match[2]) result.push(match[2]);
      end = match.index + match[0].length;
    }
    result.push(text.slice(end));
    return result;
  }, [text]);
  return (
    <pre className="code-block" tabIndex={0}>
      {parts}
    </pre>
  );
}

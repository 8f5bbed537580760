import { useMemo } from "react";
import { patternOf, pieces } from "../lib/marks";

const heading = /^(#{1,6})\s+(.*)$/;

/** A passage as it is read rather than as it is written: headings without their signs, one line between paragraphs. */
export function MarkedPassage({ text, question }: { text: string; question: string }) {
  const lines = useMemo(() => text.replace(/\n{2,}/g, "\n").split("\n"), [text]);
  return lines.map((line, i) => {
    const title = heading.exec(line);
    return (
      <span key={i} className={title ? "passage-heading" : "passage-line"}>
        <Marked text={title ? title[2]! : line} question={question} />
      </span>
    );
  });
}

/** A text with the words of a question marked. */
export function Marked({ text, question }: { text: string; question: string }) {
  const pattern = useMemo(() => patternOf(question), [question]);
  return pieces(text, pattern).map((piece, i) => (piece.marked ? <mark key={i}>{piece.text}</mark> : piece.text));
}

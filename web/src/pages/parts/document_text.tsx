import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { type Document, type Schemas, api, ask, dataOf } from "../../api/client";
import { segmentsOf } from "../../lib/segments";
import { changeQuery, useUrlState, withQuery } from "../../lib/url_state";
import { Failure, Loading } from "../../ui/basics";
import { Marked } from "../../ui/marked";

async function readChunks(id: number): Promise<Schemas["Chunk"][]> {
  const chunks: Schemas["Chunk"][] = [];
  let cursor: string | null = null;
  do {
    const page: { chunks: Schemas["Chunk"][]; next_cursor: string | null } = await dataOf(
      api.GET("/v1/documents/{id}/chunks", { params: { path: { id }, query: { limit: 1000, ...(cursor !== null && { cursor }) } } }),
    );
    chunks.push(...page.chunks);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return chunks;
}

export const contentOf = async (id: number, version?: number): Promise<string> => (await ask(withQuery(`/v1/documents/${id}/content`, { version }))).text();

/** The text with its passages' boundaries; the one in the address is shown and lit. */
export function DocumentText({ document }: { document: Document }) {
  const { id, version, indexed_version } = document;
  const content = useQuery({ queryKey: ["content", id, version], queryFn: () => contentOf(id), staleTime: Infinity, placeholderData: undefined });
  const chunks = useQuery({ queryKey: ["chunks", id, indexed_version], queryFn: () => readChunks(id), staleTime: Infinity, placeholderData: undefined });
  const [chosen] = useUrlState("chunk");
  const [question] = useUrlState("q");
  const segments = useMemo(
    // Passages of an older version do not fit the newest text.
    () => (content.data === undefined || !chunks.data ? null : segmentsOf(content.data, version === indexed_version ? chunks.data : [])),
    [content.data, chunks.data, version, indexed_version],
  );
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: segments?.length ?? 0,
    getScrollElement: () => scroller.current,
    estimateSize: (i) => 20 + Math.ceil(segments![i]!.text.length / 90) * 23,
    overscan: 4,
  });
  useEffect(() => {
    if (!segments || chosen === "") return;
    const at = segments.findIndex(({ chunk }) => chunk === Number(chosen));
    if (at >= 0) virtualizer.scrollToIndex(at, { align: "center" });
  }, [segments, chosen, virtualizer]);

  const error = content.error ?? chunks.error;
  if (error) return <Failure error={error} retry={() => void Promise.all([content.refetch(), chunks.refetch()])} />;
  if (!segments) return <Loading rows={8} />;
  return (
    <div className="reader-text" ref={scroller} tabIndex={0} role="region" aria-label="Text in passages">
      <div style={{ height: virtualizer.getTotalSize(), position: "relative" }}>
        {virtualizer.getVirtualItems().map((item) => {
          const segment = segments[item.index]!;
          const lit = segment.chunk !== null && String(segment.chunk) === chosen;
          const classes = ["segment", segment.chunk === null ? "gap" : segment.chunk % 2 === 0 && "even", lit && "chosen"];
          return (
            <div key={item.key} ref={virtualizer.measureElement} data-index={item.index} className={classes.filter(Boolean).join(" ")} style={{ transform: `translateY(${item.start}px)` }} aria-current={lit || undefined}>
              {segment.chunk === null ? (
                <span className="segment-number" />
              ) : (
                <button type="button" className="segment-number" aria-label={`Passage ${segment.chunk + 1}`} title="Link to this passage" onClick={() => changeQuery({ chunk: lit ? null : String(segment.chunk) })}>
                  {segment.chunk + 1}
                </button>
              )}
              <div className="segment-text">{question && lit ? <Marked text={segment.text} question={question} /> : segment.text}</div>
            </div>
          );
        })}
      </div>
    </div>
  );
}

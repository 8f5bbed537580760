import { useEffect, useRef, useState } from "react";
import { api, dataOf } from "../../api/client";
import { type Message, type Test, testExpression, testText } from "../../lib/message";

export interface Reading {
  topic: string;
  partition: string; // "": all
  from: string; // as the API takes it
  live: boolean;
  text: string;
  expression: string;
}

export interface ReadState {
  messages: Message[];
  scanned: number;
  next: string | null;
  running: boolean;
  ended: boolean; // nothing more for now
  error: unknown;
}

const kPage = 500; // messages asked for at a time
const kEnough = 200; // matches after which reading waits to be asked for more
const kKept = 5000; // of a live tail, the newest
const kWait = 20; // seconds that an empty page of a live tail waits for a message

const empty: ReadState = { messages: [], scanned: 0, next: null, running: false, ended: false, error: null };

/**
 * Reads a topic page by page, keeps what passes the filter, and stops at enough matches, at the end, or when it is told
 * to. Live, it goes on at the end and keeps the newest.
 */
export function useMessages({ topic, partition, from, live, text, expression }: Reading, again: number) {
  const [state, setState] = useState<ReadState>(empty);
  const [more, setMore] = useState(0);
  const stopped = useRef<AbortController | null>(null);
  const position = useRef<{ next: string | null; of: string }>({ next: null, of: "" });
  const of = JSON.stringify([topic, partition, from, live, text, expression, again]);

  useEffect(() => {
    const abort = new AbortController();
    stopped.current = abort;
    const goesOn = position.current.of === of && position.current.next !== null;
    if (!goesOn) position.current = { next: null, of };
    setState((before) => ({ ...(goesOn ? before : empty), running: true, error: null }));

    const run = async () => {
      let test: Test | null = null;
      if (expression) test = await testExpression(expression);
      else if (text) test = testText(text);
      let matches = 0;
      for (;;) {
        const page = await dataOf(
          api.GET("/v1/topics/{name}/messages", {
            signal: abort.signal,
            params: {
              path: { name: topic },
              query: { from: position.current.next ?? from, limit: test || live ? kPage : kEnough, ...(partition !== "" && { partition: Number(partition) }), ...(live && { timeout: kWait }) },
            },
          }),
        );
        const found: Message[] = [];
        for (const message of page.messages) if (!test || (await test(message))) found.push(message);
        if (abort.signal.aborted) return;
        matches += found.length;
        position.current.next = page.next;
        const ended = page.messages.length === 0 && !live;
        const done = ended || (!live && matches >= kEnough);
        setState((before) => ({
          messages: live ? [...before.messages, ...found].slice(-kKept) : [...before.messages, ...found],
          scanned: before.scanned + page.messages.length,
          next: page.next,
          running: !done,
          ended,
          error: null,
        }));
        if (done) return;
      }
    };
    run().catch((error: unknown) => {
      if (!abort.signal.aborted) setState((before) => ({ ...before, running: false, error }));
    });
    return () => abort.abort();
    // `of` stands for all that is asked for
  }, [of, more]);

  const stop = () => {
    stopped.current?.abort();
    setState((before) => ({ ...before, running: false }));
  };
  return { ...state, stop, readOn: () => setMore((n) => n + 1) };
}

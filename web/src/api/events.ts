import { createParser } from "eventsource-parser";
import { Store } from "../lib/store";
import { ApiError, apiKey, ask } from "./client";

/** A change of a document, as `document-events` carries it. */
export interface DocumentEvent {
  event: string;
  document_id: number;
  version: number;
  status: string;
  chunks: number;
  at: string;
  error?: { code: string; message: string; stage: string };
}

export type Link = "connecting" | "live" | "away" | "refused";
export const link = new Store<Link>("connecting");

type Listener = (event: DocumentEvent) => void;
const listeners = new Set<Listener>();
const reconnected = new Set<() => void>();

export function onDocumentEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Called when events may have been missed: everything shown is to be asked for again. */
export function onGap(listener: () => void): () => void {
  reconnected.add(listener);
  return () => reconnected.delete(listener);
}

const kSilence = 40_000; // the server says something every 15 s
const kLongestPause = 5_000;

async function readStream(signal: AbortSignal, heard: () => void): Promise<void> {
  // EventSource cannot carry the API key.
  const response = await ask("/v1/events", { headers: { Accept: "text/event-stream" }, signal });
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === "dropped") for (const listener of reconnected) listener();
      if (!event?.startsWith("document.")) return;
      const change = JSON.parse(data) as DocumentEvent;
      for (const listener of listeners) listener(change);
    },
  });
  link.set("live");
  for (const listener of reconnected) listener();
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    parser.feed(value);
  }
}

/** Follows the server's events for as long as the page lives, through restarts and sleep. */
export async function followEvents(): Promise<never> {
  for (let failures = 0; ; ) {
    const abort = new AbortController();
    let watchdog = window.setTimeout(() => abort.abort(), kSilence);
    const stopForKey = apiKey.subscribe(() => abort.abort());
    try {
      await readStream(abort.signal, () => {
        failures = 0;
        clearTimeout(watchdog);
        watchdog = window.setTimeout(() => abort.abort(), kSilence);
      });
    } catch (failure) {
      const refused = failure instanceof ApiError && (failure.status === 401 || failure.status === 403);
      link.set(refused ? "refused" : "away");
    }
    clearTimeout(watchdog);
    stopForKey();
    if (link.get() === "live") link.set("away");
    failures += 1;
    const pause = Math.min(250 * 2 ** failures, kLongestPause);
    await new Promise<void>((resume) => {
      const stop = apiKey.subscribe(() => done());
      const timer = window.setTimeout(() => done(), pause);
      const done = () => {
        clearTimeout(timer);
        stop();
        window.removeEventListener("online", done);
        resume();
      };
      window.addEventListener("online", done);
    });
  }
}

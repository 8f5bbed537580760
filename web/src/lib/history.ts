import type { Schemas } from "../api/client";
import { client } from "../api/queries";
import { type Sample, add, fill } from "./samples";
import { Store } from "./store";

/** Of each status that any page asked for, and what the server remembers where the pipeline page asked for that. */
export const samples = new Store<Sample[]>([]);

function sampleOf({ documents, lag, rates }: Schemas["Status"], at: number): Sample {
  const away = lag.total === null; // the log does not answer
  return {
    at,
    published: away ? null : lag.partitions.reduce((sum, { high }) => sum + high, 0),
    committed: away ? null : lag.partitions.reduce((sum, { committed, low }) => sum + (committed ?? low), 0),
    lag: lag.total,
    waiting: documents.queued + documents.processing + documents.retrying,
    documents: rates.documents_per_second,
    chunks: rates.chunks_per_second,
  };
}

function samplesOf(history: Schemas["StatusHistory"], receivedAt: number): Sample[] {
  const ahead = receivedAt - Date.parse(history.to) / 1000; // of this browser's clock
  return history.at.map((at, i) => ({
    at: Date.parse(at) / 1000 + ahead,
    published: history.published[i] ?? null,
    committed: history.committed[i] ?? null,
    lag: history.lag[i] ?? null,
    waiting: history.waiting[i] ?? null,
    documents: history.documents_per_second[i] ?? null,
    chunks: history.chunks_per_second[i] ?? null,
  }));
}

client.getQueryCache().subscribe((event) => {
  if (event.type !== "updated" || event.action.type !== "success") return;
  const { queryKey, state } = event.query;
  const at = state.dataUpdatedAt / 1000;
  const all = samples.get();
  if (queryKey[0] === "history") samples.set(fill(all, samplesOf(state.data as Schemas["StatusHistory"], at)));
  if (queryKey[0] !== "status") return;
  const last = all.at(-1);
  if (last && at - last.at < 0.9) return;
  samples.set(add(all, sampleOf(state.data as Schemas["Status"], at)));
});

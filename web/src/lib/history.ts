import type { Schemas } from "../api/client";
import { client } from "../api/queries";
import { Store } from "./store";

/** What the pipeline was like at one moment; the server keeps no series of its own. */
export interface Sample {
  at: number; // seconds since 1970
  published: number; // messages in the uploads' partitions ever
  committed: number; // of them worked off
  lag: number;
  waiting: number; // documents that are not indexed yet
  documents: number; // a second
  chunks: number;
  tokens: number;
}

const kKept = 4320; // six hours at one in five seconds

export const samples = new Store<Sample[]>([]);

function sampleOf(status: Schemas["Status"], total: number, at: number): Sample {
  const { documents, lag, rates } = status;
  return {
    at,
    published: lag.partitions.reduce((sum, { high }) => sum + high, 0),
    committed: lag.partitions.reduce((sum, { committed, low }) => sum + (committed ?? low), 0),
    lag: total,
    waiting: documents.queued + documents.processing + documents.retrying,
    documents: rates.documents_per_second,
    chunks: rates.chunks_per_second,
    tokens: rates.tokens_per_second,
  };
}

client.getQueryCache().subscribe(({ type, query }) => {
  if (type !== "updated" || query.queryKey[0] !== "status" || query.state.status !== "success") return;
  const at = query.state.dataUpdatedAt / 1000;
  const all = samples.get();
  const last = all.at(-1);
  if (last && at - last.at < 0.9) return;
  const status = query.state.data as Schemas["Status"];
  if (status.lag.total === null) return; // the log does not answer: a gap
  samples.set([...all, sampleOf(status, status.lag.total, at)].slice(-kKept));
});

/** How fast a count has grown over the last seconds; null before there are two samples. */
export function growth(all: Sample[], what: "published" | "committed", over = 12): number | null {
  const last = all.at(-1);
  const first = last && all.find(({ at }) => at >= last.at - over);
  if (!last || !first || first === last) return null;
  return Math.max(0, (last[what] - first[what]) / (last.at - first.at));
}

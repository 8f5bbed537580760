/** What the pipeline was like at one moment; null is what could not be read then. */
export interface Sample {
  at: number; // seconds since 1970 by this browser's clock
  published: number | null; // messages in the uploads' partitions ever
  committed: number | null; // of them worked off
  lag: number | null;
  waiting: number | null; // documents that are not indexed yet
  documents: number | null; // a second
  chunks: number | null;
}

// Seconds.
const kKept = 6 * 3600; // as the server does
const kFine = 300; // the span in which all are kept
const kCoarse = 8; // at least so far apart are those before; the server's are 10
const kNear = 5; // a sample says what there is to say of so much before and after it
const kGap = 25; // a line between samples further apart would be a guess

/** With one more. `all` is ascending, here and below. */
export function add(all: Sample[], sample: Sample): Sample[] {
  const kept: Sample[] = [];
  for (const one of [...all, sample]) {
    const age = sample.at - one.at;
    const before = kept.at(-1);
    if (age > kKept || (age > kFine && before && one.at - before.at < kCoarse)) continue;
    kept.push(one);
  }
  return kept;
}

/** With what the server remembers of the times that this page knows nothing of. */
export function fill(all: Sample[], remembered: Sample[]): Sample[] {
  const missing = remembered.filter(({ at }) => !all.some((known) => Math.abs(known.at - at) < kNear));
  return missing.length === 0 ? all : [...all, ...missing].sort((a, b) => a.at - b.at);
}

/** With nothing in between those that are far apart, so that a chart breaks its line there. */
export function withGaps(all: Sample[]): Sample[] {
  return all.flatMap((sample, i) => {
    const before = all[i - 1];
    if (!before || sample.at - before.at <= kGap) return [sample];
    return [{ at: (before.at + sample.at) / 2, published: null, committed: null, lag: null, waiting: null, documents: null, chunks: null }, sample];
  });
}

/** How fast a count has grown over the last seconds; null before that is known. A count that fell began anew. */
export function growth(all: Sample[], what: "published" | "committed", over = 12): number | null {
  const last = all.at(-1);
  if (!last || last[what] === null) return null;
  const known = all.filter((sample) => sample.at >= last.at - over && sample[what] !== null);
  if (known.length < 2) return null;
  const grown = known.reduce((sum, sample, i) => sum + (i > 0 ? Math.max(0, sample[what]! - known[i - 1]![what]!) : 0), 0);
  return grown / (last.at - known[0]!.at);
}

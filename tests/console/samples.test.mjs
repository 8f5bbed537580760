// How the console joins what it saw with what the server remembers. Node takes the types off by itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { add, fill, growth, withGaps } from "../../web/src/lib/samples.ts";

const kNow = 1_768_473_000;
const sample = (at, more = {}) => ({ at, published: 0, committed: 0, lag: 0, waiting: 0, documents: 0, chunks: 0, ...more });
const every = (step, from, to) => Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => sample(from + i * step));
const times = (all) => all.map(({ at }) => at);

test("what the server remembers comes before what the page saw", () => {
  const seen = every(2, kNow, kNow + 10);
  const remembered = every(10, kNow - 3600, kNow);
  const all = fill(seen, remembered);
  assert.deepEqual(times(all), [...times(remembered.slice(0, -1)), ...times(seen)]);
  assert.equal(fill(all, remembered), all, "again it changes nothing");
});

test("a hole of a page that slept is filled, and only the hole", () => {
  const seen = [...every(2, kNow, kNow + 20), ...every(2, kNow + 120, kNow + 140)];
  const all = fill(seen, every(10, kNow - 1, kNow + 139).map((one) => ({ ...one, lag: 7 })));
  assert.deepEqual(times(all), [...times(all)].sort((a, b) => a - b));
  assert.deepEqual(times(all.filter(({ lag }) => lag === 7)), times(every(10, kNow + 29, kNow + 109)));
  assert.deepEqual(all.filter(({ lag }) => lag === 0), seen);
  assert.equal(withGaps(all).length, all.length);
});

test("an outage that the server remembers stays one", () => {
  const away = sample(kNow - 10, { lag: null, waiting: null });
  assert.equal(fill([sample(kNow)], [sample(kNow - 20), away])[1], away);
});

test("six hours are kept: the last minutes whole, the time before thinned out", () => {
  let all = every(10, kNow - 7 * 3600, kNow);
  for (let at = kNow + 2; at <= kNow + 1200; at += 2) all = add(all, sample(at));
  const last = kNow + 1200;
  assert.equal(all.at(-1).at, last);
  assert.equal(all[0].at, last - 6 * 3600);
  assert.equal(all.filter(({ at }) => at >= last - 300).length, 151);
  assert.ok(all.length < 2500, `${all.length} samples`);
  assert.equal(all.filter(({ at }) => at <= kNow).length, (6 * 3600 - 1200) / 10 + 1, "the server's stay");
  assert.equal(withGaps(all).length, all.length);
});

test("a line breaks where nothing was seen for long", () => {
  const all = withGaps([...every(5, kNow, kNow + 10), ...every(5, kNow + 60, kNow + 65)]);
  assert.deepEqual(times(all), [kNow, kNow + 5, kNow + 10, kNow + 35, kNow + 60, kNow + 65]);
  assert.deepEqual([all[3].lag, all[3].documents], [null, null]);
});

test("growth: of the last seconds, unknown without two samples, never negative when a count begins anew", () => {
  const of = (...published) => published.map((count, i) => sample(kNow + i * 5, { published: count }));
  assert.equal(growth([], "published"), null);
  assert.equal(growth(of(10), "published"), null);
  assert.equal(growth(of(10, null), "published"), null);
  assert.equal(growth(of(10, 20, 30), "published"), 2);
  assert.equal(growth(of(0, 1000, 1010, 1020, 1030), "published"), 2, "what is longer ago does not count");
  assert.equal(growth(of(10, null, 30), "published"), 2);
  assert.equal(growth(of(1000, 0, 20), "published"), 2);
  assert.equal(growth(of(1000, 0), "published"), 0);
});

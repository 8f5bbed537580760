// What the console's pages compute before they draw: node --test tests/console/lib.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, bytes, duration, milliseconds, rate, shortCount } from "../../web/src/lib/format.ts";
import { patternOf, pieces } from "../../web/src/lib/marks.ts";
import { jsonOf, shown, sizeOf, testText, textOf, weightOf } from "../../web/src/lib/message.ts";
import { segmentsOf } from "../../web/src/lib/segments.ts";

const marked = (question, text) => pieces(text, patternOf(question)).filter((piece) => piece.marked).map((piece) => piece.text);

test("the words of a question are marked, with their longer forms and whatever their case", () => {
  assert.deepEqual(marked("How do I undo commits?", "Undoing a commit: undo it, commit again. Recommit."), ["Undoing", "commit", "undo", "commit"]);
  assert.deepEqual(marked("größere Tabellen", "GRÖSSERE, größere Tabelle"), ["größere"]);
  assert.deepEqual(marked("東京", "私は東京に住む"), ["東京"]);
});

test("a question of common words or signs alone marks nothing, and signs are no pattern", () => {
  for (const question of ["", "how is it", "?!.*(", "  "]) assert.equal(patternOf(question), null);
  assert.deepEqual(marked("c++ (a|b)*", "c++ or (a|b)*"), []);
  assert.deepEqual(pieces("text", null), [{ text: "text", marked: false }]);
});

test("pieces make up the whole text again", () => {
  const text = "undo, and Undo at the end: undo";
  assert.equal(pieces(text, patternOf("undo end")).map((piece) => piece.text).join(""), text);
});

const cut = (index, start, end) => ({ index, range: { start, end } });

test("a content is cut at its passages' boundaries, by code points", () => {
  const content = "😀one two three";
  const segments = segmentsOf(content, [cut(1, 5, 8), cut(0, 0, 4)]);
  assert.deepEqual(segments, [
    { text: "😀one ", chunk: 0, start: 0 },
    { text: "two", chunk: 1, start: 5 },
    { text: " three", chunk: null, start: 8 },
  ]);
  assert.equal(segments.map((segment) => segment.text).join(""), content);
});

test("what passages repeat is shown once, and what lies between them stays", () => {
  const segments = segmentsOf("abcdefghij", [cut(0, 0, 5), cut(1, 3, 7), cut(2, 8, 10)]);
  assert.deepEqual(segments.map(({ text, chunk }) => [text, chunk]), [["abcde", 0], ["fg", 1], ["h", null], ["ij", 2]]);
});

test("a long content without passages comes in parts that lose nothing", () => {
  const content = `${"x".repeat(9_000)}\n${"line\n".repeat(5_000)}`;
  const segments = segmentsOf(content, []);
  assert.ok(segments.length > 3);
  assert.ok(segments.every((segment) => segment.text.length <= 8_000));
  assert.equal(segments.map((segment) => segment.text).join(""), content);
});

const message = (value, encoding, more) => ({ partition: 0, offset: 1, timestamp: null, key: null, headers: [], value, encoding, ...more });
const base64 = (...bytes) => Buffer.from(bytes).toString("base64");

test("a schema id before the JSON is passed over, as text and as base64", () => {
  assert.deepEqual(jsonOf(message('{"id":1}')), { id: 1 });
  assert.deepEqual(jsonOf(message('\0\0\0\0\x07{"id":1}')), { id: 1 });
  assert.deepEqual(jsonOf(message(base64(0, 0, 0, 1, 200, ...Buffer.from('{"id":1}')), "base64")), { id: 1 });
});

test("what is no JSON object or no text is neither", () => {
  for (const value of ["", "7", "null", "text", "{", null]) assert.equal(jsonOf(message(value)), undefined);
  assert.equal(textOf(message(base64(1, 255, 254), "base64")), null);
  assert.equal(textOf(message(base64(0, 0, 0, 0, 1, 255), "base64")), null);
  assert.equal(shown(null), "");
  assert.equal(shown("/w==", "base64"), "base64 /w==");
});

test("sizes are those of the bytes", () => {
  assert.equal(sizeOf("größer"), 8);
  assert.equal(sizeOf(null), 0);
  for (const length of [1, 2, 3, 4]) assert.equal(sizeOf(base64(...new Uint8Array(length)), "base64"), length);
});

test("a message weighs its key, value and headers", () => {
  assert.equal(weightOf(message("größer", undefined, { key: "k", headers: [{ name: "id", value: "7" }, { name: "none", value: null }] })), 8 + 1 + 3 + 4);
  assert.equal(weightOf(message(null)), 0);
});

test("text is looked for in key, value and headers", async () => {
  const found = testText("PoiSon");
  assert.equal(await found(message("a poison pill")), true);
  assert.equal(await found(message(null, undefined, { key: "poison" })), true);
  assert.equal(await found(message("x", undefined, { headers: [{ name: "reason", value: "poisoned" }] })), true);
  assert.equal(await found(message("x", undefined, { headers: [{ name: "reason", value: null }] })), false);
});

test("numbers are written for people", () => {
  assert.deepEqual([0, 1023, 1024, 1536, 150 * 1024, 3 * 1024 ** 3].map(bytes), ["0 B", "1023 B", "1.0 KB", "1.5 KB", "150 KB", "3.0 GB"]);
  assert.deepEqual([0.25, 5, 60, 119, 600, 7200, 200_000].map(duration), ["250 ms", "5.0 s", "60 s", "119 s", "10 min", "2.0 h", "2 days"]);
  assert.deepEqual([0.04, 12, 1500].map(milliseconds), ["0.0 ms", "12 ms", "1.5 s"]);
  assert.deepEqual([0, 0.25, 9.94, 1234].map(rate), ["0", "0.3", "9.9", "1,234"]);
  assert.deepEqual([9_999, 12_345, 1_234_567].map(shortCount), ["9,999", "12.3k", "1.2m"]);
  const now = Date.parse("2024-01-02T00:00:00Z");
  assert.deepEqual(["2024-01-01T23:59:58Z", "2024-01-01T23:59:00Z", "2024-01-01T00:00:00Z"].map((time) => ago(time, now)), ["just now", "1 min ago", "1 day ago"]);
});

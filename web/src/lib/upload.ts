import { ApiError, ask, api, dataOf } from "../api/client";
import { onDocumentEvent, onGap } from "../api/events";
import { client } from "../api/queries";
import { readFile } from "./read_file";
import { Store } from "./store";

export type UploadState = "waiting" | "sending" | "queued" | "indexed" | "unchanged" | "failed";

export interface Upload {
  path: string;
  size: number;
  state: UploadState;
  documentId?: number;
  version?: number;
  error?: string;
}

interface BulkLine {
  line: number;
  result: "created" | "updated" | "unchanged" | "rejected";
  document_id?: number;
  version?: number;
  error?: { detail?: string; message?: string };
}

/** What this page has sent, oldest first; lives on while other pages are looked at. */
export const uploads = new Store<Upload[]>([]);

const kBatchFiles = 50;
const kBatchBytes = 2 << 20; // of content; the server takes 10 MB a request by default
const kCheckEvery = 4000; // milliseconds between looking after documents whose events may have been missed

const queue: { file: File; index: number }[] = [];
let running = false;

function change(index: number, update: Partial<Upload>): void {
  const next = uploads.get().slice();
  next[index] = { ...next[index]!, ...update };
  uploads.set(next);
}

export function add(files: { file: File; path: string }[]): void {
  const first = uploads.get().length;
  uploads.set([...uploads.get(), ...files.map(({ file, path }) => ({ path, size: file.size, state: "waiting" as const }))]);
  queue.push(...files.map(({ file }, i) => ({ file, index: first + i })));
  if (!running) void run();
}

export function forget(): void {
  if (!running) uploads.set([]);
}

async function run(): Promise<void> {
  running = true;
  try {
    while (queue.length > 0) await sendBatch();
  } finally {
    running = false;
    void client.invalidateQueries({ queryKey: ["documents"] });
  }
}

async function sendBatch(): Promise<void> {
  const indexes: number[] = [];
  let lines = "";
  while (queue.length > 0 && indexes.length < kBatchFiles && lines.length < kBatchBytes) {
    const { file, index } = queue.shift()!;
    try {
      lines += `${JSON.stringify(await readFile(file, uploads.get()[index]!.path))}\n`;
      change(index, { state: "sending" });
      indexes.push(index);
    } catch (failure) {
      change(index, { state: "failed", error: (failure as Error).message });
    }
  }
  if (indexes.length === 0) return;
  try {
    const answer = await ask("/v1/documents/bulk", { method: "POST", headers: { "Content-Type": "application/x-ndjson" }, body: lines });
    for (const text of (await answer.text()).split("\n")) if (text) take(indexes, JSON.parse(text) as BulkLine);
  } catch (failure) {
    const error = failure instanceof ApiError ? failure.detail : "it could not be sent";
    for (const index of indexes) if (uploads.get()[index]!.state === "sending") change(index, { state: "failed", error });
  }
}

function take(indexes: number[], line: BulkLine): void {
  const index = indexes[line.line - 1];
  if (index === undefined) return;
  if (line.result === "rejected") {
    change(index, { state: "failed", error: line.error?.detail ?? "the server refused it" });
    return;
  }
  // Its event may have come before this answer.
  change(index, { state: line.result === "unchanged" ? "unchanged" : "queued", documentId: line.document_id, version: line.version });
  const early = line.document_id && settled.get(`${line.document_id}/${line.version}`);
  if (early && line.result !== "unchanged") change(index, early);
}

const settled = new Map<string, Partial<Upload>>();

function settle(documentId: number, version: number, update: Partial<Upload>): void {
  if (running) settled.set(`${documentId}/${version}`, update);
  const index = uploads.get().findIndex((upload) => upload.documentId === documentId && upload.version === version && upload.state === "queued");
  if (index >= 0) change(index, update);
}

function outcome(status: string, error?: { message: string } | null): Partial<Upload> | null {
  if (status === "indexed" || status === "superseded") return { state: "indexed" };
  if (status === "failed" || status === "dead_lettered") return { state: "failed", error: error?.message ?? "it could not be indexed" };
  return null;
}

onDocumentEvent((event) => {
  const update = outcome(event.status, event.error);
  if (update) settle(event.document_id, event.version, update);
});

async function lookAfterQueued(): Promise<void> {
  const open = uploads.get().filter(({ state, documentId }) => state === "queued" && documentId);
  for (const { documentId, version } of open.slice(0, 20)) {
    try {
      const found = await dataOf(api.GET("/v1/documents/{id}", { params: { path: { id: documentId! } } }));
      const update = found.version > version! ? { state: "indexed" as const } : outcome(found.status, found.error);
      if (update) settle(documentId!, version!, update);
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === 404) settle(documentId!, version!, { state: "failed", error: "it was deleted" });
    }
  }
}
onGap(() => void lookAfterQueued());
window.setInterval(() => void lookAfterQueued(), kCheckEvery);

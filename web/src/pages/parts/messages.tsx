import { Fragment, useMemo, useState } from "react";
import { Link } from "wouter";
import type { Schemas } from "../../api/client";
import { bytes, clock, count, plural } from "../../lib/format";
import { type Message, jsonOf, messageId, shown, sizeOf } from "../../lib/message";
import { changeQuery, useUrlState } from "../../lib/url_state";
import { CopyButton, Empty, Failure } from "../../ui/basics";
import { Sheet } from "../../ui/dialogs";
import { Icon } from "../../ui/icons";
import { Json } from "../../ui/json";
import { type Column, DataTable } from "../../ui/table";
import { useMessages } from "./message_reading";
import { Produce } from "./produce";

const kNewest = 100; // of each partition

/** The API's `from` for what the form says. */
function fromOf(from: string, at: string): string {
  if (from === "oldest") return "beginning";
  if (from === "live") return "end";
  if (from === "offset") return at || "0";
  if (from === "time") return at ? `@${new Date(at).getTime()}` : "@-1h";
  return `-${kNewest}`;
}

const columns: Column<Message>[] = [
  { id: "time", header: "Time", accessorFn: (row) => row.timestamp, meta: { width: "212px", wideOnly: true }, cell: ({ row }) => <span className="mono">{clock(row.original.timestamp, true)}</span> },
  { id: "partition", header: "Part.", accessorFn: (row) => row.partition, meta: { width: "64px", right: true } },
  { id: "offset", header: "Offset", accessorFn: (row) => row.offset, meta: { width: "92px", right: true }, cell: ({ getValue }) => count(getValue() as number) },
  { id: "key", header: "Key", accessorFn: (row) => row.key ?? "", meta: { width: "minmax(90px, 1fr)" }, cell: ({ row: { original: row } }) => (row.key === null ? <span className="faint">none</span> : <span className="mono">{shown(row.key, row.key_encoding)}</span>) },
  {
    id: "value",
    header: "Value",
    enableSorting: false,
    accessorFn: (row) => row.value,
    meta: { width: "minmax(140px, 4fr)" },
    cell: ({ row: { original: row } }) => (row.value === null ? <span className="faint">null</span> : <span className="mono value-line">{shown(row.value, row.encoding).slice(0, 300)}</span>),
  },
  { id: "size", header: "Size", accessorFn: (row) => sizeOf(row.value, row.encoding), meta: { width: "84px", right: true, wideOnly: true }, cell: ({ getValue }) => bytes(getValue() as number) },
];

function Details({ message, resend }: { message: Message; resend: () => void }) {
  const json = jsonOf(message);
  const pretty = json === undefined ? shown(message.value, message.encoding) : JSON.stringify(json, null, 2);
  const document = json && typeof json === "object" && "document_id" in json ? Number(json.document_id) : null;
  return (
    <>
      <dl className="facts">
        <dt>Position</dt>
        <dd className="number">
          partition {message.partition}, offset {count(message.offset)}
        </dd>
        <dt>Time</dt>
        <dd className="number">{clock(message.timestamp, true)}</dd>
        <dt>Key</dt>
        <dd className="mono">{message.key === null ? <span className="faint">none</span> : shown(message.key, message.key_encoding)}</dd>
        <dt>Size</dt>
        <dd>
          {bytes(sizeOf(message.value, message.encoding))}
          {message.encoding === "base64" && " (not UTF-8: shown as base64)"}
        </dd>
        {document !== null && document > 0 && (
          <>
            <dt>Document</dt>
            <dd>
              <Link href={`/documents/${document}`}>{document}</Link>
            </dd>
          </>
        )}
        {message.headers.map(({ name, value }) => (
          <Fragment key={name + value}>
            <dt className="mono">{name}</dt>
            <dd className="mono">{value}</dd>
          </Fragment>
        ))}
      </dl>
      <div className="row">
        <button type="button" className="button small" onClick={resend}>
          <Icon name="edit" /> Edit and send again
        </button>
        <CopyButton text={pretty} words="Copy value" />
        <CopyButton text={() => JSON.stringify(message)} words="Copy all" />
        <CopyButton text={() => window.location.href} words="Link" />
      </div>
      {message.value === null ? <p className="faint">No value: in a compacted topic this deletes the key.</p> : json === undefined ? <pre className="code-block">{pretty}</pre> : <Json value={json} />}
    </>
  );
}

function download(name: string, messages: Message[]): void {
  const url = URL.createObjectURL(new Blob([messages.map((message) => `${JSON.stringify(message)}\n`).join("")], { type: "application/x-ndjson" }));
  const anchor = Object.assign(document.createElement("a"), { href: url, download: `${name}.jsonl` });
  anchor.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function From() {
  const [from] = useUrlState("from", "newest");
  const [at, setAt] = useUrlState("at");
  return (
    <>
      <select className="select narrow-field" aria-label="Start" value={from} onChange={(event) => changeQuery({ from: event.target.value === "newest" ? null : event.target.value, at: null })}>
        <option value="newest">Newest</option>
        <option value="oldest">Oldest</option>
        <option value="offset">From an offset</option>
        <option value="time">From a time</option>
        <option value="live">Live</option>
      </select>
      {from === "offset" && <input className="input narrow-field offset-box" type="number" min={0} aria-label="Offset" placeholder="0" value={at} onChange={(event) => setAt(event.target.value, { replace: true })} />}
      {from === "time" && <input className="input narrow-field" type="datetime-local" step={1} aria-label="Time" value={at} onChange={(event) => setAt(event.target.value, { replace: true })} />}
    </>
  );
}

function Filter() {
  const [text] = useUrlState("text");
  const [expression] = useUrlState("where");
  const [kind, setKind] = useState(expression ? "where" : "text");
  const [typed, setTyped] = useState(expression || text);
  return (
    <form
      className="row grow"
      onSubmit={(event) => {
        event.preventDefault();
        changeQuery({ text: kind === "text" ? typed.trim() : null, where: kind === "where" ? typed.trim() : null });
      }}
    >
      <select className="select narrow-field" aria-label="Kind of filter" value={kind} onChange={(event) => setKind(event.target.value)}>
        <option value="text">Contains</option>
        <option value="where">JSONata</option>
      </select>
      <div className="with-icon grow">
        <Icon name="filter" />
        <input
          className={`input ${kind === "where" ? "mono" : ""}`}
          type="search"
          data-search-box
          aria-label="Filter"
          placeholder={kind === "where" ? 'value.status = "pending" and partition = 1' : "Text in key, value or headers, then Enter"}
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            if (event.target.value === "") changeQuery({ text: null, where: null });
          }}
        />
      </div>
    </form>
  );
}

export function Messages({ topic }: { topic: Schemas["Topic"] }) {
  const [partition] = useUrlState("partition");
  const [from] = useUrlState("from", "newest");
  const [at] = useUrlState("at");
  const [text] = useUrlState("text");
  const [expression] = useUrlState("where");
  const [open] = useUrlState("open");
  const [again, setAgain] = useState(0);
  const [model, setModel] = useState<Message | null | "new">(null);
  const live = from === "live";
  // An offset is of one partition.
  const which = from === "offset" && partition === "" ? "0" : partition;
  const reading = useMessages({ topic: topic.name, partition: which, from: fromOf(from, at), live, text, expression }, again);
  const newestFirst = from === "newest" || live;
  const rows = useMemo(
    () => (newestFirst ? [...reading.messages].sort((a, b) => b.timestamp.localeCompare(a.timestamp) || b.offset - a.offset) : reading.messages),
    [reading.messages, newestFirst],
  );
  const opened = rows.find((row) => messageId(row) === open) ?? null;
  const filtered = text !== "" || expression !== "";
  const { running, stop, readOn } = reading;
  return (
    <>
      <div className="row">
        <From />
        <select className="select narrow-field" aria-label="Partition" value={which} onChange={(event) => changeQuery({ partition: event.target.value })}>
          {from !== "offset" && <option value="">All partitions</option>}
          {topic.layout.map(({ partition: number }) => (
            <option key={number} value={number}>
              Partition {number}
            </option>
          ))}
        </select>
        <Filter key={topic.name} />
        <div className="row">
          {running ? (
            <button type="button" className="button" onClick={stop}>
              <Icon name="pause" /> Stop
            </button>
          ) : (
            <button type="button" className="button" onClick={() => (live ? readOn() : setAgain((n) => n + 1))}>
              <Icon name={live ? "play" : "replay"} /> {live ? "Go on" : "Refresh"}
            </button>
          )}
          <button type="button" className="button" disabled={rows.length === 0} onClick={() => download(topic.name, rows)} title="Save what is shown as JSON lines">
            <Icon name="download" /> Export
          </button>
          <button type="button" className="button primary" onClick={() => setModel("new")}>
            <Icon name="send" /> Send
          </button>
        </div>
      </div>
      {reading.error !== null && <Failure error={reading.error} retry={() => setAgain((n) => n + 1)} />}
      <DataTable
        label={`Messages of ${topic.name}`}
        rows={rows}
        columns={columns}
        rowId={messageId}
        rowHeight={38}
        sortName={live ? null : "sort"}
        chosen={open}
        onOpen={(row) => changeQuery({ open: messageId(row) }, { replace: open !== "" })}
        empty={
          running ? (
            <div className="empty">
              <span className="spinner" role="status" aria-label={live ? "Waiting for messages" : "Reading"} />
              <p>{live ? "Waiting for the next message" : `Reading… ${plural(reading.scanned, "message")} so far`}</p>
            </div>
          ) : (
            reading.error === null && (
              <Empty icon="topics" title={filtered ? "No message matches" : "No messages here"}>
                <p>{filtered ? `${plural(reading.scanned, "message")} looked at. Start at the oldest to look at all of them.` : "Send one, or start from another place."}</p>
              </Empty>
            )
          )
        }
        foot={
          <>
            <span role="status">
              {plural(rows.length, "message")}
              {filtered && ` of ${count(reading.scanned)} looked at`}
              {live && (running ? ", live" : ", stopped")}
              {!live && reading.ended && ", to the end"}
            </span>
            {!running && !live && !reading.ended && reading.next !== null && (
              <button type="button" className="button quiet small" onClick={readOn}>
                Read on
              </button>
            )}
            {running && <span className="spinner" />}
          </>
        }
      />
      <Sheet open={opened !== null && model === null} onClose={() => changeQuery({ open: null }, { replace: true })} title="Message" modal={false}>
        {opened && <Details message={opened} resend={() => setModel(opened)} />}
      </Sheet>
      {model !== null && <Produce topic={topic.name} model={model === "new" ? null : model} onClose={() => setModel(null)} onSent={() => !live && setAgain((n) => n + 1)} />}
    </>
  );
}

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, type Document, type Schemas, api, dataOf } from "../api/client";
import { client, document as documentQuery } from "../api/queries";
import { bytes, clock, count, duration, plural, secondsBetween } from "../lib/format";
import { withQuery } from "../lib/url_state";
import { Ago, CopyButton, Empty, Failure, Field, Loading, PageHead, StatusBadge, useTitle } from "../ui/basics";
import { ConfirmTyped, Modal } from "../ui/dialogs";
import { Icon } from "../ui/icons";
import { complain, say } from "../ui/toasts";
import { DeleteReceipt } from "./parts/delete_receipt";
import { DocumentText, contentOf } from "./parts/document_text";
import { Versions } from "./parts/versions";
import "../styles/documents.css";

const nameOf = (document: Document): string => document.title || document.key || `Document ${document.id}`;

function Timeline({ document }: { document: Document }) {
  const { steps, error, status } = document;
  const names = ["received", "chunked", "embedded", "stored"] as const;
  return (
    <ol className="timeline">
      {names.map((name, i) => {
        const time = steps[name];
        const since = i > 0 ? secondsBetween(steps[names[i - 1]!], time) : null;
        return (
          <li key={name} className={time ? "" : "open"}>
            <span>{name}</span>
            <span className="faint number" title={time ? clock(time, true) : undefined}>
              {time ? (since === null ? clock(time) : `+${duration(Math.max(0, since))}`) : "not yet"}
            </span>
          </li>
        );
      })}
      {error ? (
        <li className="wrong">
          <span>failed at {error.stage}</span>
        </li>
      ) : (
        <li className={document.searchable ? "" : "open"}>
          <span>searchable on this server</span>
          <span className="faint">{document.searchable ? "yes" : status === "indexed" ? "in a moment" : "not yet"}</span>
        </li>
      )}
    </ol>
  );
}

function Facts({ document }: { document: Document }) {
  const { position, chunking, metadata } = document;
  return (
    <>
      <section className="card padded stack">
        <h2>Steps</h2>
        <Timeline document={document} />
      </section>
      <section className="card padded stack">
        <h2>Facts</h2>
        <dl className="facts">
          <dt>Key</dt>
          <dd>{document.key ? <code>{document.key}</code> : <span className="faint">none</span>}</dd>
          <dt>Version</dt>
          <dd>
            {document.version}
            {document.indexed_version !== document.version && <span className="faint"> ({document.indexed_version === 0 ? "not embedded yet" : `answers still come from ${document.indexed_version}`})</span>}
          </dd>
          <dt>Passages</dt>
          <dd className="number">{count(document.chunks)}</dd>
          <dt>Size</dt>
          <dd>{bytes(document.content_bytes)}</dd>
          <dt>Cut by</dt>
          <dd>
            {chunking.strategy}, {chunking.max_tokens} tokens{chunking.overlap_tokens > 0 && `, ${chunking.overlap_tokens} repeated`}
          </dd>
          {document.attempts > 1 && (
            <>
              <dt>Attempts</dt>
              <dd>{document.attempts}</dd>
            </>
          )}
          <dt>Message</dt>
          <dd>
            {position ? (
              <Link href={withQuery(`/topics/${encodeURIComponent(position.topic)}/messages`, { partition: position.partition, from: "offset", at: position.offset, open: `${position.partition}:${position.offset}` })}>
                {position.topic}, partition {position.partition}, offset {count(position.offset)}
              </Link>
            ) : (
              <span className="faint">not published yet, or embedded by the request itself</span>
            )}
          </dd>
          <dt>Created</dt>
          <dd>
            <Ago time={document.created_at} />
          </dd>
          <dt>Changed</dt>
          <dd>
            <Ago time={document.updated_at} />
          </dd>
        </dl>
      </section>
      {Object.keys(metadata).length > 0 && (
        <section className="card padded stack">
          <h2>Metadata</h2>
          <dl className="facts">
            {Object.entries(metadata).map(([name, value]) => (
              <div key={name} style={{ display: "contents" }}>
                <dt>{name}</dt>
                <dd>{Array.isArray(value) ? value.join(", ") : String(value)}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
    </>
  );
}

/** The document as a client would hand it in again. */
function asNew(document: Document, content: string, title = document.title): Schemas["NewDocument"] {
  const { key, metadata, chunking } = document;
  return { title, content, metadata, chunking, ...(key && { key }) };
}

function Edit({ document, onClose }: { document: Document; onClose: () => void }) {
  const { data, error: loadError } = useQuery({ queryKey: ["content", document.id, document.version], queryFn: () => contentOf(document.id), staleTime: Infinity });
  const [title, setTitle] = useState(document.title);
  const [content, setContent] = useState<string | null>(null);
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setSending(true);
    setError(null);
    try {
      const { result, version } = await dataOf(api.POST("/v1/documents", { params: { query: { wait: 15 } }, body: asNew(document, content ?? data ?? "", title) }));
      await client.invalidateQueries({ queryKey: ["document", document.id] });
      say(result === "unchanged" ? "Nothing has changed" : `Version ${version} is in`);
      onClose();
    } catch (failure) {
      setError(failure);
    } finally {
      setSending(false);
    }
  };
  return (
    <Modal
      open
      onClose={onClose}
      title="New version"
      description="Search answers with the present version until the new one is embedded."
      wide
      footer={
        <>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" form="edit" className="button primary" disabled={sending || data === undefined}>
            {sending ? "Saving…" : "Save as a new version"}
          </button>
        </>
      }
    >
      <form id="edit" className="stack" onSubmit={(event) => void submit(event)}>
        <Field label="Title">{(id) => <input id={id} className="input" maxLength={255} value={title} onChange={(event) => setTitle(event.target.value)} />}</Field>
        <Field label="Text">{(id) => <textarea id={id} className="textarea" rows={18} required value={content ?? data ?? ""} onChange={(event) => setContent(event.target.value)} />}</Field>
      </form>
      {(error ?? loadError) !== null && <Failure error={error ?? loadError} />}
    </Modal>
  );
}

async function reindex(document: Document): Promise<void> {
  try {
    await dataOf(api.POST("/v1/documents/{id}/reindex", { params: { path: { id: document.id } } }));
    void client.invalidateQueries({ queryKey: ["document", document.id] });
    say("It is queued to be indexed again", { description: "Search answers with the present passages until the new ones are there." });
  } catch (failure) {
    complain("It could not be indexed again", failure);
  }
}

/** The receipt; nothing when the server gave none. */
async function remove(document: Document): Promise<Schemas["DeleteReceipt"] | null> {
  const content = await contentOf(document.id);
  const receipt = await dataOf(api.DELETE("/v1/documents/{id}", { params: { path: { id: document.id }, query: { verify: true } } }));
  void client.invalidateQueries({ queryKey: ["documents"] });
  void client.invalidateQueries({ queryKey: ["status"] });
  const putBack = async () => {
    try {
      const { id } = await dataOf(api.POST("/v1/documents", { params: { query: { wait: 10 } }, body: asNew(document, content) }));
      void client.invalidateQueries({ queryKey: ["documents"] });
      say(`It is back, as document ${id}`);
    } catch (failure) {
      complain("It could not be put back", failure);
    }
  };
  say(`Deleted: ${nameOf(document)}`, {
    description: `${plural(document.chunks, "passage")} and the text are gone; this server's search no longer answers with them.`,
    action: { label: "Undo", run: () => void putBack() },
  });
  return "verified" in receipt ? receipt : null;
}

export default function DocumentPage({ id }: { id: number }) {
  const [, navigate] = useLocation();
  const { data, error, refetch } = useQuery({ ...documentQuery(id), enabled: Number.isSafeInteger(id) && id > 0 });
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [receipt, setReceipt] = useState<{ name: string; receipt: Schemas["DeleteReceipt"] } | null>(null);
  useTitle(data ? nameOf(data) : `Document ${id}`);
  const crumb = { href: "/documents", label: "Documents" };
  if (receipt) {
    return (
      <div className="page">
        <PageHead
          title="Deleted"
          crumb={crumb}
          actions={
            <Link href="/documents" className="button primary">
              Done
            </Link>
          }
        />
        <DeleteReceipt {...receipt} />
      </div>
    );
  }
  if (!(Number.isSafeInteger(id) && id > 0) || (error instanceof ApiError && error.status === 404)) {
    return (
      <div className="page">
        <PageHead title="No such document" crumb={crumb} />
        <Empty icon="documents" title="It was deleted, or never was">
          <Link href="/documents" className="button">
            All documents
          </Link>
        </Empty>
      </div>
    );
  }
  return (
    <div className="page fills">
      <PageHead
        title={data ? nameOf(data) : `Document ${id}`}
        crumb={crumb}
        actions={
          data && (
            <>
              <StatusBadge status={data.status} />
              <CopyButton text={() => window.location.href} label="Copy the link" small={false} />
              <button type="button" className="button" disabled={!data.key} title={data.key ? undefined : "Only a document with a key takes new versions"} onClick={() => setEditing(true)}>
                <Icon name="edit" /> New version
              </button>
              <button type="button" className="button" onClick={() => void reindex(data)}>
                <Icon name="replay" /> Index again
              </button>
              <button type="button" className="button quiet" onClick={() => setDeleting(true)}>
                <Icon name="trash" /> Delete
              </button>
            </>
          )
        }
      />
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading rows={8} />}
      {data && (
        <>
          {data.error && (
            <div className="notice bad" role="alert">
              <Icon name="warn" />
              <div>
                <strong>{data.error.message}</strong>
                <div>
                  Code <code>{data.error.code}</code>, at {data.error.stage}. {data.key ? "Correct the text and save it as a new version." : "Correct the text and add it again; then delete this one."}
                </div>
              </div>
            </div>
          )}
          {data.warning && (
            <div className="notice warn">
              <Icon name="info" />
              {data.warning}
            </div>
          )}
          <div className="reader">
            <DocumentText document={data} />
            <aside className="reader-side" aria-label="About this document">
              <Facts document={data} />
              <Versions document={data} />
            </aside>
          </div>
          {editing && <Edit document={data} onClose={() => setEditing(false)} />}
          <ConfirmTyped
            open={deleting}
            onClose={() => setDeleting(false)}
            title="Delete this document?"
            type="delete"
            action="Delete it"
            run={async () => {
              const given = await remove(data);
              if (given) setReceipt({ name: nameOf(data), receipt: given });
              else navigate("/documents");
            }}
          >
            “{nameOf(data)}” with {plural(data.chunks, "passage")} leaves the store and every search. You can take it back for a few seconds, as a new document.
          </ConfirmTyped>
        </>
      )}
    </div>
  );
}

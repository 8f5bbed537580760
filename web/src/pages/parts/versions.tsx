import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Document, type Schemas, api, dataOf } from "../../api/client";
import { client } from "../../api/queries";
import { bytes, plural } from "../../lib/format";
import { Ago, Failure, Loading } from "../../ui/basics";
import { Modal } from "../../ui/dialogs";
import { complain, say } from "../../ui/toasts";
import { contentOf } from "./document_text";

type Version = Schemas["DocumentVersion"];

const kShown = 20;

/** Puts what an older version said in the place of the newest. */
async function bringBack(key: string, { title, metadata, chunking }: Version, content: string, id: number): Promise<void> {
  try {
    const { result, version } = await dataOf(api.POST("/v1/documents", { params: { query: { wait: 15 } }, body: { key, title, metadata, chunking, content } }));
    await client.invalidateQueries({ queryKey: ["document", id] });
    say(result === "unchanged" ? "The newest version says just this" : `Its text is the newest again, as version ${version}`);
  } catch (failure) {
    complain("It could not be brought back", failure);
  }
}

function OneVersion({ document, version, onClose }: { document: Document; version: Version; onClose: () => void }) {
  const { id, key } = document;
  const { data, error } = useQuery({ queryKey: ["content", id, version.version], queryFn: () => contentOf(id, version.version), staleTime: Infinity, placeholderData: undefined });
  const [sending, setSending] = useState(false);
  const submit = async () => {
    setSending(true);
    await bringBack(key!, version, data!, id);
    onClose();
  };
  return (
    <Modal
      open
      onClose={onClose}
      title={`Version ${version.version}: ${version.title || "without a title"}`}
      description={version.indexed ? "Answers come from it." : version.newest ? "The newest; it is not indexed yet." : "A newer one has taken its place."}
      wide
      footer={
        <>
          <button type="button" className="button" onClick={onClose}>
            Done
          </button>
          {key && !version.newest && (
            <button type="button" className="button primary" disabled={sending || data === undefined} onClick={() => void submit()}>
              {sending ? "Saving…" : "Make it the newest again"}
            </button>
          )}
        </>
      }
    >
      {error ? <Failure error={error} /> : data === undefined ? <Loading rows={6} /> : <pre className="version-text" tabIndex={0} aria-label={`Text of version ${version.version}`}>{data}</pre>}
    </Modal>
  );
}

/** The versions whose text is still there; nothing while there is one alone. */
export function Versions({ document }: { document: Document }) {
  const { id, version, indexed_version } = document;
  const { data, error } = useQuery({
    queryKey: ["versions", id, version, indexed_version],
    queryFn: () => dataOf(api.GET("/v1/documents/{id}/versions", { params: { path: { id }, query: { limit: kShown } } })),
  });
  const [open, setOpen] = useState<number | null>(null); // by its number: whether it is the newest may change meanwhile
  if (error) return <Failure error={error} />;
  if (!data || (data.versions.length < 2 && version < 2)) return null;
  const gone = version - data.versions.length;
  const shown = data.versions.find((one) => one.version === open);
  return (
    <section className="card padded stack" aria-label="Versions">
      <h2>Versions</h2>
      <ul className="versions">
        {data.versions.map((one) => (
          <li key={one.version}>
            <span>
              <strong>{one.version}</strong> {one.title}
              <span className="faint">
                {" "}
                {bytes(one.content_bytes)}
                {one.newest && ", newest"}
                {one.indexed && ", answers come from it"}
                {one.overtaken_at && (
                  <>
                    , overtaken <Ago time={one.overtaken_at} />
                  </>
                )}
              </span>
            </span>
            <button type="button" className="button small" aria-label={`Show version ${one.version}`} onClick={() => setOpen(one.version)}>
              Show
            </button>
          </li>
        ))}
      </ul>
      {gone > 0 && <p className="faint">{data.next_cursor ? "Older ones are listed by the command line." : `${plural(gone, "older text")} went: an overtaken one stays for 24 hours.`}</p>}
      {shown && <OneVersion document={document} version={shown} onClose={() => setOpen(null)} />}
    </section>
  );
}

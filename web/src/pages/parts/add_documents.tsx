import { Tabs } from "@base-ui/react/tabs";
import { type DragEvent, type FormEvent, useRef, useState } from "react";
import { Link } from "wouter";
import { api, dataOf } from "../../api/client";
import { client } from "../../api/queries";
import { bytes, plural } from "../../lib/format";
import { filesOfDrop, isReadable, kReadable } from "../../lib/read_file";
import { useStore } from "../../lib/store";
import { type Upload, add, forget, uploads } from "../../lib/upload";
import { changeQuery, useUrlState } from "../../lib/url_state";
import { Badge, Command, Failure, Field, type Tone } from "../../ui/basics";
import { Modal } from "../../ui/dialogs";
import { Icon } from "../../ui/icons";
import { say } from "../../ui/toasts";

const tones: Record<Upload["state"], Tone> = { waiting: "plain", sending: "busy", queued: "busy", indexed: "good", unchanged: "good", failed: "bad" };

function Progress() {
  const list = useStore(uploads);
  if (list.length === 0) return null;
  const done = list.filter(({ state }) => state === "indexed" || state === "unchanged").length;
  const failed = list.filter(({ state }) => state === "failed").length;
  const order: Record<Upload["state"], number> = { failed: 0, sending: 1, queued: 2, waiting: 3, indexed: 4, unchanged: 5 };
  const shown = [...list].sort((a, b) => order[a.state] - order[b.state]).slice(0, 200);
  return (
    <section className="stack" aria-label="Progress">
      <div className="row between">
        <span role="status">
          <strong>
            {done} of {plural(list.length, "file")}
          </strong>{" "}
          searchable{failed > 0 && <span className="failed-count">, {failed} failed</span>}
        </span>
        {done + failed === list.length && (
          <button type="button" className="button quiet small" onClick={forget}>
            Clear
          </button>
        )}
      </div>
      <div className="bar">
        <i style={{ width: `${((done + failed) / list.length) * 100}%` }} />
      </div>
      <ul className="upload-list" tabIndex={0} aria-label="Files">
        {shown.map((upload) => (
          <li key={upload.path + upload.size + (upload.documentId ?? "")}>
            <span className="upload-path">
              {upload.documentId ? <Link href={`/documents/${upload.documentId}`}>{upload.path}</Link> : upload.path}
              {upload.error && <span className="sub">{upload.error}</span>}
            </span>
            <span className="faint number">{bytes(upload.size)}</span>
            <Badge tone={tones[upload.state]}>{upload.state}</Badge>
          </li>
        ))}
      </ul>
      {list.length > shown.length && <p className="faint">and {plural(list.length - shown.length, "more file")}</p>}
    </section>
  );
}

function Files() {
  const [over, setOver] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (list: FileList | null) => {
    if (!list) return;
    const all = [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    // Of a folder only what can be read; files chosen one by one are answered one by one.
    add(all.filter(({ file, path }) => !path.includes("/") || (isReadable(file.name) && !path.split("/").some((part) => part.startsWith(".")))));
  };
  const drop = async (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const found = await filesOfDrop(event.dataTransfer);
    add(found.filter(({ file, path }) => !path.includes("/") || isReadable(file.name)));
  };
  return (
    <div className="stack">
      <div
        className={`drop ${over ? "over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => void drop(event)}
      >
        <Icon name="upload" />
        <p>Drop files or folders here</p>
        <div className="row">
          <button type="button" className="button" onClick={() => files.current?.click()}>
            <Icon name="documents" /> Choose files
          </button>
          <button type="button" className="button" onClick={() => folder.current?.click()}>
            <Icon name="folder" /> Choose a folder
          </button>
        </div>
        <p className="faint">{kReadable.join(" ")}</p>
        <input ref={files} type="file" multiple hidden aria-label="Files" onChange={(event) => take(event.target.files)} />
        <input ref={folder} type="file" hidden aria-label="Folder" {...{ webkitdirectory: "" }} onChange={(event) => take(event.target.files)} />
      </div>
      <p className="faint">A file's path is its key: the same file again makes a new version, and an unchanged one nothing. For many thousands of files the command line is quicker:</p>
      <Command text={`millrace ingest --server ${window.location.origin} ./docs`} />
      <Progress />
    </div>
  );
}

function Write({ done }: { done: () => void }) {
  const [title, setTitle] = useState("");
  const [key, setKey] = useState("");
  const [content, setContent] = useState("");
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setSending(true);
    setError(null);
    try {
      const document = await dataOf(api.POST("/v1/documents", { params: { query: { wait: 15 } }, body: { title, content, ...(key ? { key } : {}) } }));
      void client.invalidateQueries({ queryKey: ["documents"] });
      say(document.searchable ? "Added, and searchable" : "Added; it is being embedded", { description: document.title });
      setTitle("");
      setKey("");
      setContent("");
      done();
    } catch (failure) {
      setError(failure);
    } finally {
      setSending(false);
    }
  };
  return (
    <form className="stack" onSubmit={(event) => void submit(event)}>
      <Field label="Title">{(id) => <input id={id} className="input" maxLength={255} value={title} onChange={(event) => setTitle(event.target.value)} />}</Field>
      <Field label="Text">{(id) => <textarea id={id} className="textarea" rows={10} required value={content} onChange={(event) => setContent(event.target.value)} placeholder="Type or paste. Markdown headings and blank lines help to cut it well." />}</Field>
      <Field label="Key" hint="Your own name for it, such as guides/python.md. Sending the same key again makes a new version. May stay empty.">
        {(id) => <input id={id} className="input mono" maxLength={512} value={key} onChange={(event) => setKey(event.target.value)} />}
      </Field>
      {error !== null && <Failure error={error} />}
      <div className="row">
        <button type="submit" className="button primary" disabled={sending || content.trim() === ""}>
          {sending ? "Adding…" : "Add the document"}
        </button>
      </div>
    </form>
  );
}

/** Open while the address says `add`. */
export default function AddDocuments() {
  const [tab, setTab] = useUrlState("add");
  const close = () => changeQuery({ add: null });
  return (
    <Modal open={tab !== ""} onClose={close} title="Add documents" wide>
      <Tabs.Root value={tab === "text" ? "text" : "files"} onValueChange={(value) => setTab(String(value), { replace: true })} className="stack">
        <Tabs.List className="tabs">
          <Tabs.Tab className="tab" value="files">
            Files and folders
          </Tabs.Tab>
          <Tabs.Tab className="tab" value="text">
            Type or paste
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="files">
          <Files />
        </Tabs.Panel>
        <Tabs.Panel value="text">
          <Write done={close} />
        </Tabs.Panel>
      </Tabs.Root>
    </Modal>
  );
}

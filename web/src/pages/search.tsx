import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { type Schemas, api, dataOf } from "../api/client";
import { status } from "../api/queries";
import { count, milliseconds, plural } from "../lib/format";
import { storedIn, useStore } from "../lib/store";
import { changeQuery, useUrlState, withQuery } from "../lib/url_state";
import { Command, CopyButton, Empty, Failure, Loading, useTitle } from "../ui/basics";
import { Icon } from "../ui/icons";
import { MarkedPassage } from "../ui/marked";
import { SearchSettings, useSettings } from "./parts/search_settings";

type Request = Schemas["Search"];
type Answer = Schemas["SearchAnswer"];
type Hit = Answer["hits"][number];

const asTyped = storedIn("localStorage", "millrace-search-as-typed", "yes");
const kPause = 450; // milliseconds without a key before a question is asked by itself
const kShortest = 3;

function curlOf(request: Request): string {
  const body = JSON.stringify(request).replaceAll("'", "'\\''");
  return `curl -s ${window.location.origin}/v1/search -H 'content-type: application/json' -d '${body}'`;
}

function Passage({ hit, rank, question }: { hit: Hit; rank: number; question: string }) {
  const [whole, setWhole] = useState(false);
  const { document, chunk, score } = hit;
  const long = chunk.text.length > 700;
  // The command line adds a file's path, which its key says already.
  const metadata = Object.entries(document.metadata).filter(([name]) => name !== "path" || !document.key).slice(0, 6);
  return (
    <li className="card hit">
      <div className="hit-head">
        <span className="hit-rank number">{rank}</span>
        <Link href={withQuery(`/documents/${document.id}`, { chunk: chunk.index, q: question })} className="hit-title">
          {document.title || document.key || `Document ${document.id}`}
        </Link>
        <span className="hit-score number" title="Cosine of question and passage">
          <span className="bar">
            <i style={{ width: `${Math.max(2, score * 100)}%` }} />
          </span>
          {score.toFixed(3)}
        </span>
      </div>
      <p className={`hit-text ${long && !whole ? "cut" : ""}`}>
        <MarkedPassage text={chunk.text} question={question} />
      </p>
      <div className="hit-foot">
        <span>
          passage {chunk.index + 1}, characters {count(chunk.range.start)}–{count(chunk.range.end)}
        </span>
        {document.key && <code className="tag">{document.key}</code>}
        {metadata.map(([name, value]) => (
          <span className="tag" key={name}>
            {name}: {String(value)}
          </span>
        ))}
        <span className="hit-actions">
          {long && (
            <button type="button" className="button quiet small" onClick={() => setWhole(!whole)} aria-expanded={whole}>
              {whole ? "Less" : "More"}
            </button>
          )}
          <CopyButton text={chunk.text} label="Copy the passage" />
        </span>
      </div>
    </li>
  );
}

function Results({ question, which }: { question: string; which: string }) {
  const { request: settings } = useSettings(which);
  const request: Request = { query: question, ...settings };
  const { data, error, isFetching, isPlaceholderData, refetch } = useQuery({
    queryKey: ["search", request],
    queryFn: ({ signal }) => dataOf(api.POST("/v1/search", { body: request, signal })),
    enabled: question !== "",
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Loading rows={3} />;
  const { took_ms: took } = data;
  return (
    <section className={`results ${isPlaceholderData ? "stale" : ""}`} aria-label={which ? "Results of the second settings" : "Results"} aria-busy={isFetching}>
      <div className="row between results-head">
        <p className="faint" role="status">
          <strong>{plural(data.hits.length, "passage")}</strong> in {milliseconds(took.total)}
          <span className="wide-only">
            {" "}
            · question {milliseconds(took.embed)} · index {milliseconds(took.index)} · passages {milliseconds(took.hydrate)}
          </span>
        </p>
        <CopyButton text={() => curlOf(request)} label="Copy this search as a curl command" words="curl" />
      </div>
      {data.hits.length === 0 ? (
        <Empty icon="search" title="No passage matches">
          <p>Take a filter or the least score away, or ask in other words.</p>
        </Empty>
      ) : (
        <ol className="hits">
          {data.hits.map((hit, i) => (
            <Passage key={hit.chunk.id} hit={hit} rank={i + 1} question={data.query} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Welcome() {
  const { data, error, refetch } = useQuery(status());
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  if (data.index.documents > 0) {
    return (
      <p className="welcome faint">
        {plural(data.index.documents, "document")} in {plural(data.index.chunks, "passage")}. Ask in your own words; the meaning counts, not the wording.
      </p>
    );
  }
  const waiting = data.documents.queued + data.documents.processing + data.documents.retrying;
  if (waiting > 0) {
    return (
      <Empty icon="clock" title={`${plural(waiting, "document")} on the way`}>
        <p>The first can be searched in a moment.</p>
        <Link href="/pipeline" className="button">
          <Icon name="pipeline" /> Watch the pipeline
        </Link>
      </Empty>
    );
  }
  return (
    <Empty icon="upload" title="Nothing to search yet">
      <p>Add documents here, or send a folder from the command line:</p>
      <Command text={`millrace ingest --server ${window.location.origin} ./docs`} />
      <Link href="/documents?add=files" className="button primary">
        <Icon name="plus" /> Add documents
      </Link>
    </Empty>
  );
}

export function SearchPage() {
  const [question] = useUrlState("q");
  const [comparing] = useUrlState("compare");
  const [open] = useUrlState("settings");
  const [typed, setTyped] = useState(question);
  const byItself = useStore(asTyped) === "yes";
  const sent = useRef(question);
  useTitle(question || "Search");

  const askFor = (text: string, replace: boolean) => {
    sent.current = text.trim();
    changeQuery({ q: text.trim() }, { replace });
  };
  // The back button changes the question from outside.
  useEffect(() => {
    if (question !== sent.current) {
      sent.current = question;
      setTyped(question);
    }
  }, [question]);
  useEffect(() => {
    const text = typed.trim();
    if (!byItself || text === sent.current || (text !== "" && text.length < kShortest)) return;
    const timer = window.setTimeout(() => askFor(text, sent.current !== ""), kPause);
    return () => clearTimeout(timer);
  }, [typed, byItself]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    askFor(typed, false);
  };

  const shown = open === "1" || comparing === "1";
  return (
    <div className={`page search-page ${question ? "" : "fresh-page"}`}>
      <h1 className={question ? "unseen" : "search-title"}>Ask your documents</h1>
      <form onSubmit={submit} role="search" className="search-form">
        <div className="with-icon grow">
          <Icon name="search" />
          <input
            className="input search-input"
            data-search-box
            autoFocus
            type="search"
            aria-label="Question"
            placeholder="How do I undo my last commit but keep my changes?"
            value={typed}
            maxLength={8192}
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
        <button type="submit" className="button primary search-go">
          Search
        </button>
      </form>
      <div className="row search-options">
        <button type="button" className="button quiet small" aria-expanded={shown} onClick={() => changeQuery({ settings: open === "1" ? null : "1", compare: null })}>
          <Icon name="settings" /> Settings
        </button>
        <button type="button" className="button quiet small" aria-pressed={comparing === "1"} onClick={() => changeQuery({ compare: comparing === "1" ? null : "1" })}>
          <Icon name="compare" /> Compare two
        </button>
        <label className="check">
          <input type="checkbox" checked={byItself} onChange={(event) => asTyped.set(event.target.checked ? "yes" : "no")} />
          Search as I type
        </label>
      </div>
      <datalist id="filter-fields">
        <option value="title" />
        <option value="key" />
        <option value="document_id" />
        <option value="metadata." />
      </datalist>
      {shown && (
        <div className={comparing === "1" ? "sides" : ""}>
          <SearchSettings which="" name={comparing === "1" ? "First settings" : "Settings"} />
          {comparing === "1" && <SearchSettings which="2" name="Second settings" />}
        </div>
      )}
      {question === "" ? (
        <Welcome />
      ) : comparing === "1" ? (
        <div className="sides">
          <Results question={question} which="" />
          <Results question={question} which="2" />
        </div>
      ) : (
        <Results question={question} which="" />
      )}
    </div>
  );
}

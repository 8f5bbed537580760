import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type DragEvent, Suspense, lazy, useCallback, useDeferredValue, useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { type Document, type DocumentStatus, api, dataOf } from "../api/client";
import { status as statusQuery } from "../api/queries";
import { bytes, count, duration, plural, secondsBetween, shortCount } from "../lib/format";
import { filesOfDrop, isReadable } from "../lib/read_file";
import { add } from "../lib/upload";
import { changeQuery, useUrlState } from "../lib/url_state";
import { Ago, Command, Empty, Failure, Loading, PageHead, StatusBadge, statusWords, useTitle } from "../ui/basics";
import { Icon } from "../ui/icons";
import { type Column, DataTable } from "../ui/table";
import "../styles/documents.css";

const AddDocuments = lazy(() => import("./parts/add_documents"));
const statuses: DocumentStatus[] = ["queued", "processing", "retrying", "indexed", "failed", "dead_lettered", "deleted"];
const kPage = 200;

const columns: Column<Document>[] = [
  {
    id: "title",
    header: "Document",
    accessorFn: (row) => row.title || row.key || "",
    meta: { width: "minmax(200px, 3fr)" },
    cell: ({ row: { original: row } }) => (
      <>
        <Link href={`/documents/${row.id}`} className="plain">
          <strong>{row.title || row.key || `Document ${row.id}`}</strong>
        </Link>
        <span className="sub">{row.error ? row.error.message : (row.key ?? `document ${row.id}`)}</span>
      </>
    ),
  },
  { id: "status", header: "Status", accessorFn: (row) => row.status, meta: { width: "132px" }, cell: ({ row }) => <StatusBadge status={row.original.status} /> },
  { id: "version", header: "Version", accessorFn: (row) => row.version, meta: { width: "84px", right: true, wideOnly: true } },
  { id: "chunks", header: "Passages", accessorFn: (row) => row.chunks, meta: { width: "96px", right: true, wideOnly: true }, cell: ({ getValue }) => count(getValue() as number) },
  { id: "size", header: "Size", accessorFn: (row) => row.content_bytes, meta: { width: "88px", right: true, wideOnly: true }, cell: ({ getValue }) => bytes(getValue() as number) },
  {
    id: "took",
    header: "Took",
    accessorFn: (row) => secondsBetween(row.steps.received, row.steps.stored) ?? -1,
    meta: { width: "84px", right: true, wideOnly: true },
    cell: ({ getValue }) => ((getValue() as number) < 0 ? <span className="faint">–</span> : duration(getValue() as number)),
  },
  { id: "updated", header: "Changed", accessorFn: (row) => row.updated_at, meta: { width: "120px", right: true, wideOnly: true }, cell: ({ row }) => <Ago time={row.original.updated_at} /> },
];

function Filters() {
  const [chosen, setChosen] = useUrlState("status");
  const { data } = useQuery(statusQuery());
  return (
    <div className="chips" role="group" aria-label="Status">
      <button type="button" className="chip" aria-pressed={chosen === ""} onClick={() => setChosen("")}>
        All
      </button>
      {statuses
        .filter((status) => chosen === status || (data?.documents[status] ?? 0) > 0)
        .map((status) => (
          <button key={status} type="button" className="chip" aria-pressed={chosen === status} onClick={() => setChosen(chosen === status ? "" : status)}>
            {statusWords(status)}
            <span className="number">{shortCount(data?.documents[status] ?? 0)}</span>
          </button>
        ))}
    </div>
  );
}

function useDocuments(status: string, text: string) {
  return useInfiniteQuery({
    queryKey: ["documents", status, text],
    queryFn: ({ pageParam, signal }) =>
      dataOf(api.GET("/v1/documents", { signal, params: { query: { limit: kPage, ...(status && { status: status as DocumentStatus }), ...(text && { text }), ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

function NoDocuments({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <Empty icon="filter" title="No document matches">
        <button type="button" className="button" onClick={() => changeQuery({ status: null, text: null })}>
          Show all
        </button>
      </Empty>
    );
  }
  return (
    <Empty icon="documents" title="No documents yet">
      <p>Drop files or folders anywhere on this page, or send them from the command line:</p>
      <Command text={`millrace ingest --server ${window.location.origin} ./docs`} />
      <button type="button" className="button primary" onClick={() => changeQuery({ add: "files" })}>
        <Icon name="plus" /> Add documents
      </button>
    </Empty>
  );
}

export default function DocumentsPage() {
  useTitle("Documents");
  const [, navigate] = useLocation();
  const [status] = useUrlState("status");
  const [text, setText] = useUrlState("text");
  const [adding] = useUrlState("add");
  const [over, setOver] = useState(false);
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useDocuments(status, useDeferredValue(text));
  const rows = useMemo(() => data?.pages.flatMap((page) => page.documents) ?? [], [data]);
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const drop = async (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const found = await filesOfDrop(event.dataTransfer);
    add(found.filter(({ file, path }) => !path.includes("/") || isReadable(file.name)));
    changeQuery({ add: "files" });
  };
  return (
    <div
      className={`page fills ${over ? "drop-over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => event.currentTarget === event.target && setOver(false)}
      onDrop={(event) => void drop(event)}
    >
      <PageHead
        title="Documents"
        actions={
          <button type="button" className="button primary" onClick={() => changeQuery({ add: "files" })}>
            <Icon name="plus" /> Add
          </button>
        }
      />
      <div className="row">
        <div className="with-icon grow text-filter">
          <Icon name="filter" />
          <input className="input" type="search" data-search-box aria-label="Title or key contains" placeholder="Title or key contains" value={text} onChange={(event) => setText(event.target.value, { replace: true })} />
        </div>
        <Filters />
      </div>
      {error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : isPending ? (
        <Loading rows={8} />
      ) : (
        <DataTable
          label="Documents"
          rows={rows}
          columns={columns}
          rowId={(row) => String(row.id)}
          onOpen={(row) => navigate(`/documents/${row.id}`)}
          onNearEnd={more}
          fresh={(row) => row.status === "indexed" && Date.now() - Date.parse(row.updated_at) < 3000}
          empty={<NoDocuments filtered={status !== "" || text !== ""} />}
          foot={
            rows.length > 0 && (
              <>
                <span>{hasNextPage ? `The newest ${plural(rows.length, "document")}; more as you scroll` : plural(rows.length, "document")}</span>
                {isFetchingNextPage && <span className="spinner" role="status" aria-label="Loading more" />}
              </>
            )
          }
        />
      )}
      {adding && (
        <Suspense>
          <AddDocuments />
        </Suspense>
      )}
    </div>
  );
}

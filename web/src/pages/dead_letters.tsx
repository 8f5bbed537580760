import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { Link } from "wouter";
import { type Schemas, api, dataOf } from "../api/client";
import { client } from "../api/queries";
import { bytes, count, plural } from "../lib/format";
import { changeQuery, useUrlState, withQuery } from "../lib/url_state";
import { Ago, Badge, CopyButton, Empty, Failure, Loading, PageHead, useTitle } from "../ui/basics";
import { ConfirmTyped } from "../ui/dialogs";
import { Icon } from "../ui/icons";
import { type Column, DataTable } from "../ui/table";
import { DeadLetterSheet } from "./parts/dead_letter_sheet";
import { RedriveMany } from "./parts/redrive_many";
import "../styles/log.css";

type DeadLetter = Schemas["DeadLetter"];

const columns: Column<DeadLetter>[] = [
  {
    id: "reason",
    header: "Reason",
    meta: { width: "minmax(220px, 3fr)" },
    accessorFn: (row) => row.error.message,
    cell: ({ row: { original: row } }) => (
      <>
        <strong>{row.error.message}</strong>
        <span className="sub">
          {row.error.code} at {row.error.stage}
        </span>
      </>
    ),
  },
  {
    id: "document",
    header: "Document",
    meta: { width: "110px", right: true },
    accessorFn: (row) => row.document_id ?? 0,
    cell: ({ row: { original: row } }) => (row.document_id === null ? <span className="faint">none</span> : <Link href={`/documents/${row.document_id}`}>{row.document_id}</Link>),
  },
  {
    id: "original",
    header: "Message",
    meta: { width: "minmax(150px, 1.5fr)", wideOnly: true },
    accessorFn: (row) => row.original.topic,
    cell: ({ row: { original: row } }) => (
      <Link href={withQuery(`/topics/${encodeURIComponent(row.original.topic)}/messages`, { partition: row.original.partition, from: "offset", at: row.original.offset, open: `${row.original.partition}:${row.original.offset}` })}>
        {row.original.partition}/{count(row.original.offset)} of {row.original.topic}
      </Link>
    ),
  },
  { id: "size", header: "Size", meta: { width: "84px", right: true, wideOnly: true }, accessorFn: (row) => row.value_bytes, cell: ({ getValue }) => bytes(getValue() as number) },
  { id: "attempts", header: "Attempts", meta: { width: "88px", right: true, wideOnly: true }, accessorFn: (row) => row.attempts },
  {
    id: "state",
    header: "State",
    meta: { width: "124px", wideOnly: true },
    accessorFn: (row) => row.redriven_at ?? "",
    cell: ({ row: { original: row } }) => (row.redriven_at ? <Badge tone="busy">under way</Badge> : <Badge tone="bad">at rest</Badge>),
  },
  { id: "failed", header: "Failed", meta: { width: "110px", right: true, wideOnly: true }, accessorFn: (row) => row.failed_at, cell: ({ row }) => <Ago time={row.original.failed_at} /> },
];

/** What redrive and purge are told: those of the reason that is chosen, or all. */
function filterOf(code: string, stage: string): Schemas["DeadLetterRedrive"]["filter"] {
  return { ...(code && { code }), ...(stage && { stage }) };
}

function Reasons({ reasons, code, stage }: { reasons: Schemas["DeadLetterList"]["reasons"]; code: string; stage: string }) {
  return (
    <div className="chips" role="group" aria-label="Reason">
      <button type="button" className="chip" aria-pressed={code === ""} onClick={() => changeQuery({ code: null, stage: null })}>
        All
      </button>
      {reasons.map((reason) => {
        const chosen = reason.code === code && reason.stage === stage;
        return (
          <button key={reason.code + reason.stage} type="button" className="chip" aria-pressed={chosen} onClick={() => changeQuery(chosen ? { code: null, stage: null } : { code: reason.code, stage: reason.stage })}>
            {reason.code} at {reason.stage}
            <span className="number">{count(reason.count)}</span>
          </button>
        );
      })}
    </div>
  );
}

export default function DeadLettersPage() {
  useTitle("Dead letters");
  const [code] = useUrlState("code");
  const [stage] = useUrlState("stage");
  const [open] = useUrlState("open");
  const [redriving, setRedriving] = useState(false);
  const [purging, setPurging] = useState(false);
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: ["dead-letters", code, stage],
    queryFn: ({ pageParam, signal }) => dataOf(api.GET("/v1/dead-letters", { signal, params: { query: { limit: 200, ...(code && { code }), ...(stage && { stage }), ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 5000,
  });
  const rows = useMemo(() => data?.pages.flatMap((page) => page.dead_letters) ?? [], [data]);
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const first = data?.pages[0];
  const which = code ? `${code} at ${stage}` : "all reasons";
  const purge = async () => {
    await dataOf(api.POST("/v1/dead-letters/purge", { body: { filter: filterOf(code, stage), dry_run: false } }));
    await client.invalidateQueries({ queryKey: ["dead-letters"] });
  };
  return (
    <div className="page fills">
      <PageHead
        title="Dead letters"
        actions={
          rows.length > 0 && (
            <>
              <CopyButton text={`millrace dlq list --server ${window.location.origin}`} words="As a command" small={false} />
              <button type="button" className="button quiet" onClick={() => setPurging(true)}>
                <Icon name="trash" /> Purge
              </button>
              <button type="button" className="button primary" onClick={() => setRedriving(true)}>
                <Icon name="replay" /> Redrive {code ? "these" : "all"}
              </button>
            </>
          )
        }
      >
        Messages that could not become documents, with why. They leave the list when their document is indexed or deleted.
      </PageHead>
      {first && first.reasons.length > 0 && <Reasons reasons={first.reasons} code={code} stage={stage} />}
      {error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : isPending ? (
        <Loading rows={5} />
      ) : (
        <DataTable
          label="Dead letters"
          rows={rows}
          columns={columns}
          rowId={(row) => String(row.id)}
          onOpen={(row) => changeQuery({ open: String(row.id) }, { replace: open !== "" })}
          onNearEnd={more}
          chosen={open}
          empty={
            <Empty icon="check" title={code ? "None for this reason" : "No dead letters"}>
              <p>What fails for good, after all its attempts, waits here until it is repaired or purged.</p>
            </Empty>
          }
          foot={rows.length > 0 && <span>{plural(first?.matched ?? rows.length, "dead letter")}</span>}
        />
      )}
      {open !== "" && <DeadLetterSheet key={open} id={Number(open)} onClose={() => changeQuery({ open: null }, { replace: true })} />}
      {redriving && <RedriveMany filter={filterOf(code, stage)} which={which} onClose={() => setRedriving(false)} />}
      <ConfirmTyped open={purging} onClose={() => setPurging(false)} title="Purge dead letters?" type="purge" action="Take them off the list" run={purge}>
        {plural(first?.matched ?? 0, "dead letter")} ({which}) leave this list. Their documents stay as they are, and the dead-letter topic keeps the messages.
      </ConfirmTyped>
    </div>
  );
}

import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link, useLocation } from "wouter";
import type { Schemas } from "../api/client";
import { group as groupQuery, groups as groupsQuery } from "../api/queries";
import { count, plural } from "../lib/format";
import { useUrlState } from "../lib/url_state";
import { Badge, Command, Empty, Failure, Loading, PageHead, type Tone, useTitle } from "../ui/basics";
import { Icon } from "../ui/icons";
import { type Column, DataTable } from "../ui/table";
import "../styles/log.css";

type Row = Schemas["GroupSummary"] & {
  more?: Schemas["Group"];
};

export const stateTone = (state: string): Tone => {
  const known: Record<string, Tone> = { stable: "good", empty: "plain", dead: "bad", preparingrebalance: "warn", completingrebalance: "warn" };
  return known[state.toLowerCase().replaceAll(/[^a-z]/g, "")] ?? "busy";
};

const columns: Column<Row>[] = [
  {
    id: "name",
    header: "Group",
    accessorFn: (row) => row.name,
    meta: { width: "minmax(180px, 3fr)" },
    cell: ({ row: { original: row } }) => (
      <Link href={`/groups/${encodeURIComponent(row.name)}`} className="plain">
        <strong>{row.name}</strong>
      </Link>
    ),
  },
  { id: "state", header: "State", accessorFn: (row) => row.state, meta: { width: "150px" }, cell: ({ getValue }) => <Badge tone={stateTone(getValue() as string)}>{getValue() as string}</Badge> },
  { id: "members", header: "Members", accessorFn: (row) => row.more?.members.length ?? -1, meta: { width: "96px", right: true, wideOnly: true }, cell: ({ row }) => row.original.more?.members.length ?? "…" },
  { id: "topics", header: "Topics", enableSorting: false, accessorFn: (row) => row.name, meta: { width: "minmax(120px, 2fr)", wideOnly: true }, cell: ({ row }) => <span className="soft">{[...new Set(row.original.more?.partitions.map(({ topic }) => topic))].join(", ")}</span> },
  {
    id: "lag",
    header: "Lag",
    accessorFn: (row) => row.more?.lag ?? -1,
    meta: { width: "100px", right: true },
    cell: ({ row: { original: row } }) => (row.more ? <span className={row.more.lag > 0 ? "lag-some" : ""}>{count(row.more.lag)}</span> : <span className="faint">…</span>),
  },
];

const kAsked = 200; // groups whose lag is asked for; of more, filter by name

export default function GroupsPage() {
  useTitle("Consumer groups");
  const [, navigate] = useLocation();
  const [text, setText] = useUrlState("text");
  const { data, error, isPending, refetch } = useQuery(groupsQuery);
  const found = useMemo(() => (data?.groups ?? []).filter(({ name }) => name.toLowerCase().includes(text.toLowerCase())), [data, text]);
  const details = useQueries({ queries: found.slice(0, kAsked).map(({ name }) => groupQuery(name)) });
  const rows: Row[] = found.map((group, i) => ({ ...group, more: details[i]?.data }));
  return (
    <div className="page fills">
      <PageHead title="Consumer groups">Lag is what a group has not read yet, asked of the brokers every two seconds.</PageHead>
      <div className="with-icon text-filter">
        <Icon name="filter" />
        <input className="input" type="search" data-search-box aria-label="Name contains" placeholder="Name contains" value={text} onChange={(event) => setText(event.target.value, { replace: true })} />
      </div>
      {error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : isPending ? (
        <Loading rows={4} />
      ) : (
        <DataTable
          label="Consumer groups"
          rows={rows}
          columns={columns}
          rowId={(row) => row.name}
          rowHeight={46}
          onOpen={(row) => navigate(`/groups/${encodeURIComponent(row.name)}`)}
          empty={
            text ? (
              <Empty icon="filter" title="No group has this in its name" />
            ) : (
              <Empty icon="groups" title="No consumer groups yet">
                <p>A group appears when its first member commits. In a cluster the workers are one:</p>
                <Command text="millrace worker" />
              </Empty>
            )
          }
          foot={<span>{plural(rows.length, "group")}{found.length > kAsked && `; lag of the first ${kAsked}`}</span>}
        />
      )}
    </div>
  );
}

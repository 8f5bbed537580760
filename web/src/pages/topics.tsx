import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { type Schemas, api, dataOf } from "../api/client";
import { client, topics as topicsQuery } from "../api/queries";
import { count, plural, rate } from "../lib/format";
import { changeQuery, useUrlState } from "../lib/url_state";
import { Badge, Command, Empty, Failure, Field, Loading, PageHead, useTitle } from "../ui/basics";
import { Modal } from "../ui/dialogs";
import { Icon } from "../ui/icons";
import { type Column, DataTable } from "../ui/table";
import { say } from "../ui/toasts";
import { TopicSize } from "./parts/topic_size";

type Summary = Schemas["TopicSummary"] & { rate: number | null };

/** Messages a second since the page has looked at the topic, over the last 30 s. */
function useRates(topics: Schemas["TopicSummary"][] | undefined, at: number): Summary[] {
  const seen = useRef(new Map<string, { at: number; messages: number }[]>());
  return useMemo(
    () =>
      (topics ?? []).map((topic) => {
        const history = (seen.current.get(topic.name) ?? []).filter((point) => point.at > at - 30_000 && point.at < at);
        const first = history[0];
        seen.current.set(topic.name, [...history, { at, messages: topic.messages }]);
        return { ...topic, rate: first ? Math.max(0, ((topic.messages - first.messages) / (at - first.at)) * 1000) : null };
      }),
    [topics, at],
  );
}

const columns: Column<Summary>[] = [
  {
    id: "name",
    header: "Topic",
    accessorFn: (row) => row.name,
    meta: { width: "minmax(200px, 3fr)" },
    cell: ({ row: { original: row } }) => (
      <Link href={`/topics/${encodeURIComponent(row.name)}`} className="plain">
        <strong>{row.name}</strong>
      </Link>
    ),
  },
  { id: "messages", header: "Messages", accessorFn: (row) => row.messages, meta: { width: "110px", right: true }, cell: ({ getValue }) => count(getValue() as number) },
  {
    id: "rate",
    header: "Per second",
    accessorFn: (row) => row.rate ?? -1,
    meta: { width: "110px", right: true, wideOnly: true },
    cell: ({ row }) => (row.original.rate === null ? <span className="faint">…</span> : rate(row.original.rate)),
  },
  {
    id: "size",
    header: "Size",
    enableSorting: false,
    meta: { width: "110px", right: true, wideOnly: true },
    cell: ({ row }) => <TopicSize name={row.original.name} messages={row.original.messages} />,
  },
  { id: "partitions", header: "Partitions", accessorFn: (row) => row.partitions, meta: { width: "100px", right: true, wideOnly: true } },
  {
    id: "in_sync",
    header: "In sync",
    accessorFn: (row) => row.in_sync - row.replication,
    meta: { width: "110px", right: true, wideOnly: true },
    cell: ({ row: { original: row } }) => (
      <Badge tone={row.in_sync < row.replication ? "warn" : "good"}>
        {row.in_sync} of {row.replication}
      </Badge>
    ),
  },
];

function Create() {
  const [, navigate] = useLocation();
  const [name, setName] = useState("");
  const [partitions, setPartitions] = useState("3");
  const [replication, setReplication] = useState("1");
  const [config, setConfig] = useState("");
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setSending(true);
    setError(null);
    try {
      const entries = config
        .split("\n")
        .map((line) => line.trim())
        .filter(Boolean)
        .map((line) => {
          const equals = line.indexOf("=");
          if (equals < 1) throw new Error(`“${line}” is not NAME=VALUE`);
          return [line.slice(0, equals).trim(), line.slice(equals + 1).trim()] as const;
        });
      await dataOf(api.POST("/v1/topics", { body: { name, partitions: Number(partitions), replication: Number(replication), ...(entries.length && { config: Object.fromEntries(entries) }) } }));
      await client.invalidateQueries({ queryKey: ["topics"] });
      say(`Topic ${name} is there`);
      navigate(`/topics/${encodeURIComponent(name)}`);
    } catch (failure) {
      setError(failure);
    } finally {
      setSending(false);
    }
  };
  return (
    <Modal
      open
      onClose={() => changeQuery({ create: null })}
      title="Create a topic"
      footer={
        <button type="submit" form="create-topic" className="button primary" disabled={sending || name === ""}>
          {sending ? "Creating…" : "Create it"}
        </button>
      }
    >
      <form id="create-topic" className="stack" onSubmit={(event) => void submit(event)}>
        <Field label="Name" hint="Letters, digits, dot, dash and underscore">
          {(id) => <input id={id} className="input mono" required pattern="[a-zA-Z0-9._\-]+" maxLength={249} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <div className="row top">
          <div className="grow">
            <Field label="Partitions">{(id) => <input id={id} className="input" type="number" min={1} max={10000} required value={partitions} onChange={(event) => setPartitions(event.target.value)} />}</Field>
          </div>
          <div className="grow">
            <Field label="Replicas">{(id) => <input id={id} className="input" type="number" min={1} max={100} required value={replication} onChange={(event) => setReplication(event.target.value)} />}</Field>
          </div>
        </div>
        <Field label="Configuration" hint="NAME=VALUE, one a line. May stay empty.">
          {(id) => <textarea id={id} className="textarea mono" rows={3} placeholder="retention.ms=604800000" value={config} onChange={(event) => setConfig(event.target.value)} />}
        </Field>
      </form>
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}

export default function TopicsPage() {
  useTitle("Topics");
  const [, navigate] = useLocation();
  const [text, setText] = useUrlState("text");
  const [creating] = useUrlState("create");
  const { data, error, isPending, refetch, dataUpdatedAt } = useQuery(topicsQuery);
  const all = useRates(data?.topics, dataUpdatedAt);
  const rows = useMemo(() => all.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase())), [all, text]);
  const [narrowHint, setNarrowHint] = useState(false);
  useEffect(() => setNarrowHint(all.length > 0 && rows.length === 0), [all, rows]);
  return (
    <div className="page fills">
      <PageHead
        title="Topics"
        actions={
          <button type="button" className="button primary" onClick={() => changeQuery({ create: "1" })}>
            <Icon name="plus" /> Create
          </button>
        }
      />
      <div className="with-icon text-filter">
        <Icon name="filter" />
        <input className="input" type="search" data-search-box aria-label="Name contains" placeholder="Name contains" value={text} onChange={(event) => setText(event.target.value, { replace: true })} />
      </div>
      {error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : isPending ? (
        <Loading rows={5} />
      ) : (
        <DataTable
          label="Topics"
          rows={rows}
          columns={columns}
          rowId={(row) => row.name}
          rowHeight={46}
          onOpen={(row) => navigate(`/topics/${encodeURIComponent(row.name)}`)}
          defaultSort="name"
          empty={
            narrowHint ? (
              <Empty icon="filter" title="No topic has this in its name" />
            ) : (
              <Empty icon="topics" title="No topics yet">
                <p>The server makes its own when it starts. Another one:</p>
                <Command text={`millrace topics create my-topic --partitions 3`} />
              </Empty>
            )
          }
          foot={<span>{plural(rows.length, "topic")}</span>}
        />
      )}
      {creating && <Create />}
    </div>
  );
}

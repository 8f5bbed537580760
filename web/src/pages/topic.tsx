import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import { type Schemas, api, dataOf } from "../api/client";
import { client, topic as topicQuery } from "../api/queries";
import { count, plural } from "../lib/format";
import { Badge, Failure, Field, Loading, PageHead, useTitle } from "../ui/basics";
import { ConfirmTyped, Modal } from "../ui/dialogs";
import { Icon } from "../ui/icons";
import { say } from "../ui/toasts";
import { Messages } from "./parts/messages";
import { TopicSize } from "./parts/topic_size";
import "../styles/log.css";

type Topic = Schemas["Topic"];

async function alter(name: string, change: Schemas["TopicChange"]): Promise<void> {
  await dataOf(api.PATCH("/v1/topics/{name}", { params: { path: { name } }, body: change }));
  await client.invalidateQueries({ queryKey: ["topics"] });
}

function Partitions({ topic }: { topic: Topic }) {
  const [widening, setWidening] = useState(false);
  const [wanted, setWanted] = useState("");
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setError(null);
    try {
      await alter(topic.name, { partitions: Number(wanted) });
      say(`${topic.name} has ${plural(Number(wanted), "partition")}`);
      setWidening(false);
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <section className="card">
      <header>
        <h2>{plural(topic.partitions, "partition")}</h2>
        <button type="button" className="button small" onClick={() => (setWanted(String(topic.partitions + 1)), setWidening(true))}>
          <Icon name="plus" /> Add partitions
        </button>
      </header>
      <div className="scroll-x">
        <table className="simple-table">
          <thead>
            <tr>
              <th>Partition</th>
              <th className="right">Messages</th>
              <th className="right">First offset</th>
              <th className="right">Next offset</th>
              <th>Leader</th>
              <th>Replicas</th>
              <th>In sync</th>
            </tr>
          </thead>
          <tbody>
            {topic.layout.map((part) => (
              <tr key={part.partition}>
                <td>
                  <Link href={`/topics/${encodeURIComponent(topic.name)}/messages?partition=${part.partition}`}>{part.partition}</Link>
                </td>
                <td className="right">{count(part.high - part.low)}</td>
                <td className="right">{count(part.low)}</td>
                <td className="right">{count(part.high)}</td>
                <td>{part.leader === null ? <Badge tone="bad">none</Badge> : part.leader}</td>
                <td>{part.replicas.join(", ")}</td>
                <td>
                  <Badge tone={part.in_sync.length < part.replicas.length ? "warn" : "good"}>
                    {part.in_sync.length} of {part.replicas.length}
                  </Badge>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Modal
        open={widening}
        onClose={() => setWidening(false)}
        title="Add partitions"
        description="A topic can grow, never shrink. Keys that are sent from now on may go to other partitions than before."
        footer={
          <button type="submit" form="widen" className="button primary">
            Widen the topic
          </button>
        }
      >
        <form id="widen" onSubmit={(event) => void submit(event)}>
          <Field label="Partitions in all">{(id) => <input id={id} className="input" type="number" min={topic.partitions + 1} max={10000} required value={wanted} onChange={(event) => setWanted(event.target.value)} />}</Field>
        </form>
        {error !== null && <Failure error={error} />}
      </Modal>
    </section>
  );
}

function Configuration({ topic }: { topic: Topic }) {
  const [editing, setEditing] = useState<{ name: string; value: string; known: boolean } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const save = async (value: string | null) => {
    setError(null);
    try {
      await alter(topic.name, { config: { [editing!.name.trim()]: value } });
      say(value === null ? `${editing!.name} is back at its default` : `${editing!.name} = ${value}`);
      setEditing(null);
    } catch (failure) {
      setError(failure);
    }
  };
  const entries = Object.entries(topic.config).sort(([a], [b]) => a.localeCompare(b));
  return (
    <section className="card">
      <header>
        <h2>What differs from the defaults</h2>
        <button type="button" className="button small" onClick={() => setEditing({ name: "", value: "", known: false })}>
          <Icon name="plus" /> Set another
        </button>
      </header>
      {entries.length === 0 ? (
        <p className="body faint">Nothing: everything is at its default.</p>
      ) : (
        <table className="simple-table">
          <tbody>
            {entries.map(([name, value]) => (
              <tr key={name}>
                <td className="mono">{name}</td>
                <td className="mono">{value}</td>
                <td className="right">
                  <button type="button" className="button quiet small" aria-label={`Change ${name}`} onClick={() => setEditing({ name, value, known: true })}>
                    Change
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Modal
        open={editing !== null}
        onClose={() => setEditing(null)}
        title={editing?.known ? editing.name : "Set an entry"}
        footer={
          <>
            {editing?.known && (
              <button type="button" className="button quiet" onClick={() => void save(null)}>
                Back to the default
              </button>
            )}
            <button type="submit" form="entry" className="button primary">
              Save
            </button>
          </>
        }
      >
        {editing && (
          <form
            id="entry"
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              void save(editing.value);
            }}
          >
            {!editing.known && <Field label="Name">{(id) => <input id={id} className="input mono" required placeholder="retention.ms" value={editing.name} onChange={(event) => setEditing({ ...editing, name: event.target.value })} />}</Field>}
            <Field label="Value">{(id) => <input id={id} className="input mono" required value={editing.value} onChange={(event) => setEditing({ ...editing, value: event.target.value })} />}</Field>
          </form>
        )}
        {error !== null && <Failure error={error} />}
      </Modal>
    </section>
  );
}

const tabs = [
  ["messages", "Messages"],
  ["partitions", "Partitions"],
  ["configuration", "Configuration"],
] as const;

/** Topics that Millrace itself stands on; the API refuses to empty or delete them unless forced. */
const own = /^(document-uploads|document-events|search-analytics|millrace-webhook-retries)/;

export default function TopicPage({ name, tab }: { name: string; tab: string }) {
  useTitle(name);
  const [, navigate] = useLocation();
  const { data, error, refetch } = useQuery(topicQuery(name));
  const [emptying, setEmptying] = useState(false);
  const [emptied, setEmptied] = useState(0); // how often: what is shown of the messages is read anew
  const [deleting, setDeleting] = useState(false);
  const force = own.test(name) ? { force: true } : {};
  const path = `/topics/${encodeURIComponent(name)}`;
  return (
    <div className="page fills">
      <PageHead
        title={name}
        crumb={{ href: "/topics", label: "Topics" }}
        actions={
          data && (
            <>
              <button type="button" className="button quiet" onClick={() => setEmptying(true)}>
                <Icon name="tray" /> Empty
              </button>
              <button type="button" className="button quiet" onClick={() => setDeleting(true)}>
                <Icon name="trash" /> Delete
              </button>
            </>
          )
        }
      >
        {data && (
          <>
            {plural(data.messages, "message")}, <TopicSize name={name} messages={data.messages} /> in {plural(data.partitions, "partition")}, {plural(data.replication, "replica")}
          </>
        )}
      </PageHead>
      <nav className="tabs" aria-label="Of this topic">
        {tabs.map(([id, label]) => (
          <Link key={id} href={`${path}/${id}`} className="tab tab-link" data-active={tab === id ? "" : undefined} aria-current={tab === id ? "page" : undefined}>
            {label}
          </Link>
        ))}
      </nav>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading rows={6} />}
      {data && tab === "messages" && <Messages key={emptied} topic={data} />}
      {data && tab === "partitions" && <Partitions topic={data} />}
      {data && tab === "configuration" && <Configuration topic={data} />}
      <ConfirmTyped
        open={emptying}
        onClose={() => setEmptying(false)}
        title={`Empty the topic ${name}?`}
        type={name}
        action="Empty the topic"
        run={async () => {
          const { removed } = await dataOf(api.DELETE("/v1/topics/{name}/messages", { params: { path: { name }, query: force } }));
          await client.invalidateQueries({ queryKey: ["topics"] });
          setEmptied((times) => times + 1);
          say(`${plural(removed, "message")} removed from ${name}`);
        }}
      >
        Its {data ? plural(data.messages, "message") : "messages"} go, also for consumers that have not read them; offsets go on where they are. This cannot be taken back.
        {own.test(name) && <strong> Millrace itself works with this topic: documents that waited in it are sent again, after a minute or when their next try is due, but what others sent, events that webhooks were not told of and searches not yet counted are lost.</strong>}
      </ConfirmTyped>
      <ConfirmTyped
        open={deleting}
        onClose={() => setDeleting(false)}
        title={`Delete the topic ${name}?`}
        type={name}
        action="Delete the topic"
        run={async () => {
          await dataOf(api.DELETE("/v1/topics/{name}", { params: { path: { name }, query: force } }));
          await client.invalidateQueries({ queryKey: ["topics"], exact: true });
          say(`Topic ${name} is deleted`);
          navigate("/topics");
        }}
      >
        Its {data ? plural(data.messages, "message") : "messages"} go with it, for every consumer. This cannot be taken back.
        {own.test(name) && <strong> Millrace itself stands on this topic: it makes it anew and publishes what was not worked off, but what others sent is lost.</strong>}
      </ConfirmTyped>
    </div>
  );
}

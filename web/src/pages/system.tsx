import { useQuery, useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { ask } from "../api/client";
import { health as healthQuery, settings as settingsQuery, topic as topicQuery, topics as topicsQuery, version as versionQuery } from "../api/queries";
import { plural } from "../lib/format";
import { useUrlState } from "../lib/url_state";
import { Badge, CopyButton, Failure, Loading, PageHead, useTitle } from "../ui/basics";
import { Icon } from "../ui/icons";
import "../styles/system.css";

const names: Record<string, string> = { mysql: "Database", kafka: "Kafka", redis: "Redis", store: "Store" };

/** One file stands for all three, so one answer does; what is wrong is said by the one that says it. */
function embeddedHealth(health: Record<string, string>): [string, string][] {
  const states = Object.entries(health).filter(([name]) => name !== "mode").map(([, state]) => state);
  return [["store", states.find((state) => state !== "connected") ?? "connected"]];
}

function Health() {
  const { data, error, refetch } = useQuery(healthQuery);
  const { data: about } = useQuery(versionQuery);
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Loading rows={1} />;
  const embedded = data.mode === "embedded";
  return (
    <section className="stack" aria-label="Health">
      <div className="grid" style={{ "--least": "220px" } as object}>
        {(embedded ? embeddedHealth(data) : Object.entries(data)).map(([name, state]) => {
            const good = state === "connected";
            return (
              <div className="card padded" key={name}>
                <div className="row between">
                  <h2>{names[name] ?? name}</h2>
                  <Badge tone={good ? "good" : "bad"}>
                    <span className={`dot ${good ? "good" : "bad"}`} />
                    {good ? "connected" : "away"}
                  </Badge>
                </div>
                <p className={good ? "faint" : "health-error"}>{good ? (embedded ? "documents, log and vectors in one SQLite file; no other service is needed" : "answers") : state.replace(/^disconnected: /, "")}</p>
              </div>
            );
          })}
      </div>
      {about && (
        <p className="faint">
          Millrace {about.version}, {about.mode}, {about.model}
        </p>
      )}
    </section>
  );
}

function Brokers() {
  const { data } = useQuery(topicsQuery);
  const details = useQueries({ queries: (data?.topics ?? []).slice(0, 50).map(({ name }) => ({ ...topicQuery(name), refetchInterval: 15_000 })) });
  const brokers = new Map<number, { leads: number; holds: number; behind: number }>();
  for (const { data: topic } of details) {
    for (const { leader, replicas, in_sync } of topic?.layout ?? []) {
      for (const id of replicas) {
        const broker = brokers.get(id) ?? { leads: 0, holds: 0, behind: 0 };
        broker.holds += 1;
        if (id === leader) broker.leads += 1;
        if (!in_sync.includes(id)) broker.behind += 1;
        brokers.set(id, broker);
      }
    }
  }
  const { data: about } = useQuery(versionQuery);
  if (brokers.size === 0 || about?.mode !== "cluster") return null;
  return (
    <section className="card">
      <header>
        <h2>Brokers, as the topics' partitions name them</h2>
      </header>
      <table className="simple-table">
        <thead>
          <tr>
            <th>Broker</th>
            <th className="right">Leads</th>
            <th className="right">Holds</th>
            <th>Replicas</th>
          </tr>
        </thead>
        <tbody>
          {[...brokers].sort(([a], [b]) => a - b).map(([id, broker]) => (
            <tr key={id}>
              <td>{id}</td>
              <td className="right">{plural(broker.leads, "partition")}</td>
              <td className="right">{plural(broker.holds, "replica")}</td>
              <td>
                <Badge tone={broker.behind ? "warn" : "good"}>{broker.behind ? `${broker.behind} behind` : "in sync"}</Badge>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Settings() {
  const { data, error, refetch } = useQuery(settingsQuery);
  const [text] = useUrlState("text");
  const [all, setAll] = useUrlState("all");
  const wanted = text.toLowerCase();
  const shown = (data?.settings ?? []).filter(({ name, value, source }) => (all || source !== "default" || wanted) && `${name} ${value}`.toLowerCase().includes(wanted));
  return (
    <section className="card">
      <header>
        <h2>Settings in force</h2>
        <div className="chips" role="group" aria-label="Which">
          <button type="button" className="chip" aria-pressed={!all} onClick={() => setAll("")}>
            Set by someone
          </button>
          <button type="button" className="chip" aria-pressed={Boolean(all)} onClick={() => setAll("1")}>
            All
          </button>
        </div>
      </header>
      {error ? (
        <div className="body">
          <Failure error={error} retry={() => void refetch()} />
        </div>
      ) : shown.length === 0 ? (
        <p className="body faint">{data ? "Nothing here." : "…"}</p>
      ) : (
        <table className="simple-table">
          <thead>
            <tr>
              <th>Setting</th>
              <th>Value</th>
              <th>From</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ name, value, source }) => (
              <tr key={name}>
                <td className="mono">{name}</td>
                <td className="mono">{value || <span className="faint">empty</span>}</td>
                <td>
                  <Badge tone={source === "default" ? "plain" : "busy"}>{source}</Badge>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

interface Metric {
  name: string;
  labels: string;
  value: string;
  help: string;
}

/** Samples of the Prometheus text format; a histogram's buckets are left to Prometheus. */
function metricsOf(text: string): Metric[] {
  const help = new Map<string, string>();
  const metrics: Metric[] = [];
  for (const line of text.split("\n")) {
    const about = /^# HELP (\S+) (.*)$/.exec(line);
    if (about) help.set(about[1]!, about[2]!);
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!sample || sample[1]!.endsWith("_bucket")) continue;
    const [, name = "", labels = "", value = ""] = sample;
    metrics.push({ name, labels: labels.replaceAll('"', ""), value, help: help.get(name) ?? help.get(name.replace(/_(sum|count)$/, "")) ?? "" });
  }
  return metrics;
}

function Metrics() {
  const [text] = useUrlState("text");
  const { data, error } = useQuery({ queryKey: ["metrics"], queryFn: async () => metricsOf(await (await ask("/metrics")).text()), refetchInterval: 5000 });
  const shown = useMemo(() => (data ?? []).filter(({ name, labels, value }) => (text ? `${name} ${labels}`.toLowerCase().includes(text.toLowerCase()) : value !== "0" && !labels.includes("route="))), [data, text]);
  return (
    <section className="card">
      <header>
        <h2>Metrics</h2>
        <CopyButton text={() => `${window.location.origin}/metrics`} label="Copy the address for Prometheus" words="Address for Prometheus" />
      </header>
      {error && (
        <div className="body">
          <Failure error={error} />
        </div>
      )}
      <div className="scroll-x metrics" tabIndex={0} role="region" aria-label="Metrics">
        <table className="simple-table">
          <tbody>
            {shown.slice(0, 300).map(({ name, labels, value, help }) => (
              <tr key={name + labels}>
                <td>
                  <span className="mono">{name}</span>
                  {labels && <span className="faint mono"> {labels}</span>}
                  {help && <div className="faint metric-help">{help}</div>}
                </td>
                <td className="right">{Number.isFinite(Number(value)) ? Number(Number(value).toPrecision(6)).toLocaleString("en-GB", { maximumFractionDigits: 4 }) : value}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {shown.length === 0 && data && <p className="body faint">No metric matches “{text}”.</p>}
      </div>
    </section>
  );
}

export default function SystemPage() {
  useTitle("System");
  const [text, setText] = useUrlState("text");
  return (
    <div className="page">
      <PageHead
        title="System"
        actions={
          <a className="button" href="/docs">
            <Icon name="external" /> API page
          </a>
        }
      />
      <Health />
      <Brokers />
      <div className="with-icon text-filter">
        <Icon name="filter" />
        <input className="input" type="search" data-search-box aria-label="Filter settings and metrics" placeholder="Filter settings and metrics" value={text} onChange={(event) => setText(event.target.value, { replace: true })} />
      </div>
      <Settings />
      <Metrics />
    </div>
  );
}

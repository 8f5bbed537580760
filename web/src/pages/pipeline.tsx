import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { Link } from "wouter";
import type { Schemas } from "../api/client";
import { history as historyQuery, instances as instancesQuery, status as statusQuery } from "../api/queries";
import { bytes, clock, count, duration, plural, rate, shortCount } from "../lib/format";
import { samples } from "../lib/history";
import { growth, withGaps } from "../lib/samples";
import { useStore } from "../lib/store";
import { useUrlState } from "../lib/url_state";
import { Ago, Badge, Command, Failure, Loading, PageHead, useTitle } from "../ui/basics";
import { Chart } from "../ui/chart";
import { Icon, type IconName } from "../ui/icons";
import "../styles/pipeline.css";

type Status = Schemas["Status"];
type Instance = Schemas["Instance"];

function Station({ icon, name, href, children }: { icon: IconName; name: string; href?: string; children: ReactNode }) {
  return (
    <div className="station card">
      <div className="station-name">
        <Icon name={icon} />
        {href ? <Link href={href}>{name}</Link> : name}
      </div>
      {children}
    </div>
  );
}

function Flow({ perSecond, what }: { perSecond: number | null; what: string }) {
  const moves = (perSecond ?? 0) > 0.05;
  return (
    <div className={`flow ${moves ? "moves" : ""}`}>
      <span className="flow-rate number">{perSecond === null ? "…" : `${rate(perSecond)}/s`}</span>
      <svg viewBox="0 0 60 10" preserveAspectRatio="none" aria-hidden="true">
        <path d="M0 5H54" />
        <path className="head" d="M50 1.5 56 5 50 8.500" />
      </svg>
      <span className="flow-what">{what}</span>
    </div>
  );
}

function PartitionBars({ status }: { status: Status }) {
  const most = Math.max(1, ...status.lag.partitions.map(({ lag }) => lag));
  return (
    <ul className="partition-bars" aria-label="Lag of each partition">
      {status.lag.partitions.map((part) => (
        <li key={`${part.topic} ${part.partition}`}>
          <span className="faint">{part.partition}</span>
          <span className="bar">
            <i style={{ width: `${(part.lag / most) * 100}%` }} />
          </span>
          <span className="number">{shortCount(part.lag)}</span>
        </li>
      ))}
    </ul>
  );
}

function Race({ status }: { status: Status }) {
  const history = useStore(samples);
  const { documents, outbox, instances, rates, index } = status;
  const topic = status.lag.partitions[0]?.topic ?? "document-uploads";
  const workers = status.mode === "cluster" ? instances.workers : instances.servers;
  return (
    <div className="race" role="group" aria-label="The way of documents">
      <Station icon="upload" name="Accepted">
        <strong>{shortCount(documents.queued + documents.processing + documents.retrying)}</strong>
        <span>on their way</span>
        <span className="faint">{outbox.rows === 0 ? "all published" : `${plural(outbox.rows, "message")} to publish${outbox.oldest_seconds !== null ? `, oldest ${duration(outbox.oldest_seconds)}` : ""}`}</span>
      </Station>
      <Flow perSecond={growth(history, "published")} what="published" />
      <Station icon="topics" name={topic} href={`/topics/${encodeURIComponent(topic)}`}>
        <strong>{status.lag.total === null ? "?" : shortCount(status.lag.total)}</strong>
        <span>not read yet</span>
        <PartitionBars status={status} />
      </Station>
      <Flow perSecond={growth(history, "committed")} what="read" />
      <Station icon="settings" name={status.mode === "cluster" ? "Workers" : "Worker"}>
        <strong>{shortCount(status.in_flight)}</strong>
        <span>in work</span>
        <span className="faint">{workers === 0 ? "nobody works" : status.mode === "cluster" ? plural(workers, "worker") : "in this process"}</span>
        <span className="faint">{rate(rates.tokens_per_second)} tokens/s</span>
      </Station>
      <Flow perSecond={rates.documents_per_second} what="embedded" />
      <Station icon="documents" name="Store" href="/documents">
        <strong>{shortCount(documents.indexed)}</strong>
        <span>documents</span>
        <span className="faint">{plural(status.chunks, "passage")}</span>
      </Station>
      <Flow perSecond={rates.chunks_per_second} what="passages" />
      <Station icon="search" name="Index" href="/">
        <strong>{shortCount(index.documents)}</strong>
        <span>searchable here</span>
        <span className="faint">
          {shortCount(index.chunks)} passages, {bytes(index.bytes)}
        </span>
      </Station>
    </div>
  );
}

const spans = [
  ["5", "5 min"],
  ["30", "30 min"],
  ["360", "6 h"],
] as const;

const said = (value: number | null | undefined, format: (value: number) => string): string => (value == null ? "an unknown number of" : format(value));

function Charts() {
  const history = useStore(samples);
  const [asked, setMinutes] = useUrlState("minutes", "5");
  const minutes = spans.some(([value]) => value === asked) ? asked : "5";
  const { error } = useQuery(historyQuery(Number(minutes)));
  const { begin, times, throughput, backlog } = useMemo(() => {
    const from = Date.now() / 1000 - Number(minutes) * 60;
    const known = history.filter(({ at }) => at >= from);
    const shown = withGaps(known);
    const first = known[0];
    return {
      begin: first && first.at > from + 15 ? new Date(first.at * 1000).toISOString() : null, // else it is the whole span
      times: shown.map(({ at }) => at),
      throughput: [
        { label: "documents/s", color: "--accent", values: shown.map(({ documents }) => documents), area: true },
        { label: "passages/s", color: "--busy", values: shown.map(({ chunks }) => chunks) },
      ],
      backlog: [
        { label: "lag", color: "--warn", values: shown.map(({ lag }) => lag), area: true },
        { label: "on their way", color: "--busy", values: shown.map(({ waiting }) => waiting) },
      ],
    };
  }, [history, minutes]);
  const last = history.at(-1);
  return (
    <>
      <div className="row between">
        <h2>Over time</h2>
        {error && <span className="failed-count">What was before is missing: {error.message}</span>}
        {!error && begin && (
          <span className="faint grow">
            from <time dateTime={begin}>{clock(begin).slice(11)}</time> on
          </span>
        )}
        <div className="chips" role="group" aria-label="Span">
          {spans.map(([value, label]) => (
            <button key={value} type="button" className="chip" aria-pressed={minutes === value} onClick={() => setMinutes(value)}>
              {label}
            </button>
          ))}
        </div>
      </div>
      <div className="grid" style={{ "--least": "420px" } as object}>
        <section className="card">
          <header>
            <h2>Throughput</h2>
          </header>
          <div className="body chart-body">
            <Chart label={`Throughput: ${said(last?.documents, rate)} documents and ${said(last?.chunks, rate)} passages a second now`} times={times} lines={throughput} format={rate} span={Number(minutes) * 60} />
          </div>
        </section>
        <section className="card">
          <header>
            <h2>Backlog</h2>
          </header>
          <div className="body chart-body">
            <Chart label={`Backlog: ${said(last?.lag, count)} messages not read, ${said(last?.waiting, count)} documents on their way now`} times={times} lines={backlog} format={(value) => shortCount(Math.round(value))} whole span={Number(minutes) * 60} />
          </div>
        </section>
      </div>
    </>
  );
}

function Heartbeat({ instance }: { instance: Instance }) {
  const late = Date.now() - Date.parse(instance.heartbeat) > 6000;
  return (
    <span className="link-state">
      <span className={`dot ${late ? "warn" : "good"}`} />
      <Ago time={instance.heartbeat} />
    </span>
  );
}

function Processes({ mode }: { mode: string }) {
  const { data, error } = useQuery(instancesQuery);
  if (error) return <Failure error={error} />;
  if (!data) return <Loading rows={2} />;
  const workers = data.instances.filter(({ role }) => role === "worker").length;
  return (
    <section className="card">
      <header>
        <h2>Processes</h2>
        {mode === "cluster" && workers === 0 && (
          <div className="row">
            <span className="failed-count">No worker runs: nothing is being embedded.</span>
            <Command text="millrace worker" />
          </div>
        )}
      </header>
      <div className="scroll-x">
        <table className="simple-table">
          <thead>
            <tr>
              <th>Process</th>
              <th>Heartbeat</th>
              <th>Partitions</th>
              <th className="right">In work</th>
              <th className="right">Documents/s</th>
              <th className="right">Passages/s</th>
              <th>Started</th>
            </tr>
          </thead>
          <tbody>
            {data.instances.map((instance) => (
              <tr key={instance.id}>
                <td>
                  <Badge tone={instance.role === "worker" ? "busy" : "plain"}>{instance.role}</Badge> <span className="mono">{instance.url.replace("http://", "")}</span>
                  <span className="sub faint mono"> {instance.id}</span>
                </td>
                <td>
                  <Heartbeat instance={instance} />
                </td>
                <td>{instance.partitions.length === 0 ? <span className="faint">none</span> : instance.partitions.map(({ partition }) => partition).join(", ")}</td>
                <td className="right">{count(instance.in_flight)}</td>
                <td className="right">{rate(instance.rates.documents_per_second)}</td>
                <td className="right">{rate(instance.rates.chunks_per_second)}</td>
                <td>
                  <Ago time={instance.started_at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Troubles({ status }: { status: Status }) {
  const { retrying, failed } = status.documents;
  const { dead_letters: dead, retries, lag } = status;
  if (retrying + failed + dead + (retries.waiting ?? 0) === 0 && lag.error === null) return null;
  return (
    <div className="notice warn">
      <Icon name="warn" />
      <span>
        {lag.error !== null && <>The log does not answer, so what it holds is not known: {lag.error}. </>}
        {retrying > 0 && (
          <>
            <Link href="/documents?status=retrying">{plural(retrying, "document")}</Link> will be tried again{retries.waiting !== null && ` (${plural(retries.waiting, "message")} on the retry topics)`}.{" "}
          </>
        )}
        {failed > 0 && (
          <>
            <Link href="/documents?status=failed">{plural(failed, "document")}</Link> failed; each says why.{" "}
          </>
        )}
        {dead > 0 && (
          <>
            <Link href="/dead-letters">{plural(dead, "dead letter")}</Link>: each says why, and can be sent again.
          </>
        )}
      </span>
    </div>
  );
}

export default function PipelinePage() {
  useTitle("Pipeline");
  const { data, error, refetch } = useQuery(statusQuery(2000));
  const waiting = data ? data.documents.queued + data.documents.processing + data.documents.retrying : 0;
  return (
    <div className="page">
      <PageHead title="Pipeline">
        {data && (waiting === 0 && data.lag.total === 0 ? "Everything is worked off." : data.seconds_left === null ? (data.in_flight > 0 ? "At work; too early to say how long it takes." : "There is a backlog, and nobody works on it.") : `About ${duration(data.seconds_left)} left for ${plural(Math.max(waiting, data.lag.total ?? 0), "document")}.`)}
      </PageHead>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading rows={6} />}
      {data && (
        <>
          <Race status={data} />
          <Troubles status={data} />
          <Charts />
          <Processes mode={data.mode} />
        </>
      )}
    </div>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "wouter";
import { type Schemas, api, dataOf } from "../api/client";
import { count, milliseconds, plural, shortCount } from "../lib/format";
import { useUrlState, withQuery } from "../lib/url_state";
import { Command, Empty, Failure, Loading, PageHead, useTitle } from "../ui/basics";
import { Chart } from "../ui/chart";
import "../styles/pipeline.css";

type Report = Schemas["SearchReport"];

const spans = [
  ["1", "1 hour"],
  ["24", "24 hours"],
  ["168", "7 days"],
  ["720", "30 days"],
] as const;

const kNone: number[] = [];

function Tiles({ report }: { report: Report }) {
  const share = report.searches > 0 ? (report.without_results / report.searches) * 100 : 0;
  const { latency_ms: latency } = report;
  return (
    <dl className="tiles">
      <div className="card tile">
        <dt>Searches</dt>
        <dd>{shortCount(report.searches)}</dd>
      </div>
      <div className="card tile">
        <dt>Without results</dt>
        <dd>
          {shortCount(report.without_results)} <small>{share.toFixed(share > 0 && share < 10 ? 1 : 0)} %</small>
        </dd>
      </div>
      {(["p50", "p95", "p99"] as const).map((name) => (
        <div className="card tile" key={name}>
          <dt>Latency {name}</dt>
          <dd>{latency ? milliseconds(latency[name]) : "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

function Charts({ report }: { report: Report }) {
  const { times, volume, latency } = useMemo(
    () => ({
      times: report.buckets.map(({ start }) => Date.parse(start) / 1000),
      volume: [
        { label: "searches", color: "--accent", values: report.buckets.map(({ searches }) => searches), bars: true },
        { label: "without results", color: "--warn", values: report.buckets.map(({ without_results }) => without_results), bars: true },
      ],
      latency: (["p50", "p95", "p99"] as const).map((name, i) => ({
        label: name,
        color: ["--accent", "--busy", "--warn"][i]!,
        values: report.buckets.map(({ latency_ms }) => latency_ms?.[name] ?? null),
      })),
    }),
    [report],
  );
  return (
    <div className="grid" style={{ "--least": "420px" } as object}>
      <section className="card">
        <header>
          <h2>Searches over time</h2>
        </header>
        <div className="body chart-body">
          <Chart label={`${plural(report.searches, "search", "searches")}, ${report.without_results} without results`} times={times} lines={volume} format={(value) => count(Math.round(value))} whole height={200} />
        </div>
      </section>
      <section className="card">
        <header>
          <h2>Latency</h2>
        </header>
        <div className="body chart-body">
          <Chart label="Latency percentiles over time" times={times.length ? times : kNone} lines={latency} format={milliseconds} height={200} />
        </div>
      </section>
    </div>
  );
}

function Queries({ title, queries, without, none }: { title: string; queries: Report["top"]; without?: boolean; none: string }) {
  const most = Math.max(1, ...queries.map((query) => (without ? query.without_results : query.searches)));
  return (
    <section className="card">
      <header>
        <h2>{title}</h2>
      </header>
      {queries.length === 0 ? (
        <p className="body faint">{none}</p>
      ) : (
        <table className="simple-table">
          <tbody>
            {queries.map((query) => {
              const n = without ? query.without_results : query.searches;
              return (
                <tr key={query.query}>
                  <td>
                    <Link href={withQuery("/", { q: query.query })}>{query.query}</Link>
                    <div className="bar query-bar">
                      <i style={{ width: `${(n / most) * 100}%` }} />
                    </div>
                  </td>
                  <td className="right">{count(n)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}

export default function AnalyticsPage() {
  useTitle("Analytics");
  const [hours, setHours] = useUrlState("hours", "24");
  const { data, error, refetch } = useQuery({
    queryKey: ["analytics", hours],
    queryFn: () => dataOf(api.GET("/v1/analytics/searches", { params: { query: { from: new Date(Date.now() - Number(hours) * 3600_000).toISOString(), top: 20 } } })),
    refetchInterval: 10_000,
  });
  return (
    <div className="page">
      <PageHead
        title="Analytics"
        actions={
          <div className="chips" role="group" aria-label="Span">
            {spans.map(([value, label]) => (
              <button key={value} type="button" className="chip" aria-pressed={hours === value} onClick={() => setHours(value)}>
                {label}
              </button>
            ))}
          </div>
        }
      >
        What people search for, and what they do not find.
      </PageHead>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading rows={5} />}
      {data && data.searches === 0 && (
        <Empty icon="analytics" title="Nobody has searched in this time">
          <p>
            Searches of every client count. <Link href="/">Ask something</Link>, or from the command line:
          </p>
          <Command text={`millrace search --server ${window.location.origin} "How do I start?"`} />
        </Empty>
      )}
      {data && data.searches > 0 && (
        <>
          <Tiles report={data} />
          <Charts report={data} />
          <div className="grid" style={{ "--least": "380px" } as object}>
            <Queries title="Most searched" queries={data.top} none="Nothing yet." />
            <Queries title="Searched in vain" queries={data.unanswered} without none="Every search found something." />
          </div>
        </>
      )}
    </div>
  );
}

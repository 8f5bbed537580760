import type { Schemas } from "../../api/client";
import { clock, count } from "../../lib/format";

type Receipt = Schemas["DeleteReceipt"];

function until(record: Receipt["log"][number]): string {
  if (record.for_ever) return "kept for ever";
  return record.kept_until ? `kept until ${clock(record.kept_until, true)}` : "kept for a time that is not known";
}

/** What a verified delete found, and that nothing is left. */
export function DeleteReceipt({ receipt, name }: { receipt: Receipt; name: string }) {
  const counted = Object.entries({ ...receipt.store, ...(receipt.cache && { "keys in Redis": receipt.cache }), "entries of this server's index": receipt.index });
  const troubles = [receipt.cache_error, receipt.log_error].filter((trouble) => trouble !== undefined);
  return (
    <section className="card padded stack" aria-label="Receipt">
      <h2>{receipt.verified ? "Deleted, and nothing is left" : "Deleted, but not everything is confirmed"}</h2>
      <p className="soft">
        “{name}”, looked up again at {clock(receipt.checked_at, true)}.
      </p>
      <dl className="facts">
        {counted.map(([what, { found, left }]) => (
          <div key={what} style={{ display: "contents" }}>
            <dt>{what.replace("_", " ")}</dt>
            <dd className="number">
              {count(found)} found, {left > 0 ? <strong>{count(left)} left</strong> : "none left"}
            </dd>
          </div>
        ))}
        {receipt.instances.map(({ id, role, url, state }) => (
          <div key={id} style={{ display: "contents" }}>
            <dt>
              {role} <span className="mono">{url || id}</span>
            </dt>
            <dd>{state}</dd>
          </div>
        ))}
        {receipt.log.map((record) => (
          <div key={`${record.topic}/${record.partition}@${record.offset}`} style={{ display: "contents" }}>
            <dt>
              <span className="mono">{record.topic}</span>, partition {record.partition}, offset {count(record.offset)}
            </dt>
            <dd>still in the log, {until(record)}</dd>
          </div>
        ))}
      </dl>
      {troubles.map((trouble) => (
        <div key={trouble} className="notice warn">
          {trouble}
        </div>
      ))}
    </section>
  );
}

import { type FormEvent, useState } from "react";
import { type Schemas, api, dataOf } from "../../api/client";
import { client } from "../../api/queries";
import { count, plural } from "../../lib/format";
import { Failure, Field } from "../../ui/basics";
import { Modal } from "../../ui/dialogs";
import { say } from "../../ui/toasts";

type Plan = Schemas["GroupResetPlan"];

/** Where a group goes on: what would change is shown first, and done when its name is typed. */
export function ResetGroup({ group, onClose }: { group: Schemas["Group"]; onClose: () => void }) {
  const topics = [...new Set(group.partitions.map(({ topic }) => topic))];
  const [topic, setTopic] = useState(topics[0] ?? "");
  const [partition, setPartition] = useState("");
  const [to, setTo] = useState<Schemas["GroupReset"]["to"]>("earliest");
  const [at, setAt] = useState("");
  const [plan, setPlan] = useState<Plan | null>(null);
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<unknown>(null);

  const ask = async (execute: boolean): Promise<Plan> => {
    const body: Schemas["GroupReset"] = {
      topic,
      to,
      execute,
      ...(partition !== "" && { partition: Number(partition) }),
      ...(to === "offset" && { offset: Number(at) }),
      ...(to === "time" && { time: new Date(at).toISOString() }),
    };
    return dataOf(api.POST("/v1/groups/{name}/reset", { params: { path: { name: group.name } }, body }));
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setError(null);
    try {
      if (plan === null) {
        setPlan(await ask(false));
        return;
      }
      const done = await ask(true);
      await client.invalidateQueries({ queryKey: ["groups"] });
      say(`${group.name} goes on elsewhere`, { description: `${plural(done.partitions.length, "partition")} of ${topic}` });
      onClose();
    } catch (failure) {
      setError(failure);
    }
  };
  const change = (set: (value: string) => void) => (event: { target: { value: string } }) => {
    set(event.target.value);
    setPlan(null);
    setTyped("");
  };
  const busy = group.members.length > 0;
  return (
    <Modal
      open
      onClose={onClose}
      title={`Reset ${group.name}`}
      description="Moves where the group goes on reading. Nothing is changed before you have seen what would be."
      wide
      footer={
        <button type="submit" form="reset" className={`button ${plan ? "danger" : "primary"}`} disabled={plan !== null && (typed !== group.name || busy)}>
          {plan ? "Reset the group" : "Show what would change"}
        </button>
      }
    >
      {busy && (
        <div className="notice warn">
          The group has {plural(group.members.length, "member")}, who would commit over a reset. Stop them first: this page shows when they have gone.
        </div>
      )}
      <form id="reset" className="stack" onSubmit={(event) => void submit(event)}>
        <div className="row top">
          <div className="grow">
            <Field label="Topic">
              {(id) => (
                <select id={id} className="select" value={topic} onChange={change(setTopic)}>
                  {topics.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              )}
            </Field>
          </div>
          <Field label="Partition">
            {(id) => (
              <select id={id} className="select" value={partition} onChange={change(setPartition)}>
                <option value="">All</option>
                {group.partitions
                  .filter((part) => part.topic === topic)
                  .map((part) => (
                    <option key={part.partition}>{part.partition}</option>
                  ))}
              </select>
            )}
          </Field>
          <Field label="To">
            {(id) => (
              <select id={id} className="select" value={to} onChange={change((value) => setTo(value as typeof to))}>
                <option value="earliest">the earliest message kept</option>
                <option value="latest">the end: skip everything</option>
                <option value="offset">an offset</option>
                <option value="time">a time</option>
              </select>
            )}
          </Field>
          {to === "offset" && <Field label="Offset">{(id) => <input id={id} className="input" type="number" min={0} required value={at} onChange={change(setAt)} />}</Field>}
          {to === "time" && <Field label="Time">{(id) => <input id={id} className="input" type="datetime-local" step={1} required value={at} onChange={change(setAt)} />}</Field>}
        </div>
        {plan && (
          <>
            <table className="simple-table">
              <thead>
                <tr>
                  <th>Partition</th>
                  <th className="right">Goes on at</th>
                  <th className="right">Would go on at</th>
                  <th className="right">Read again</th>
                </tr>
              </thead>
              <tbody>
                {plan.partitions.map((part) => (
                  <tr key={part.partition}>
                    <td>{part.partition}</td>
                    <td className="right">{part.from === null ? "no commit yet" : count(part.from)}</td>
                    <td className="right">{count(part.to)}</td>
                    <td className="right">{part.from === null ? "" : part.to < part.from ? count(part.from - part.to) : part.to > part.from ? `skips ${count(part.to - part.from)}` : "0"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <Field label={`Type ${group.name} to confirm`}>{(id) => <input id={id} className="input mono" autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />}</Field>
          </>
        )}
      </form>
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}

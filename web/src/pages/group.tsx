import { useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, type Schemas, api, dataOf } from "../api/client";
import { client, group as groupQuery } from "../api/queries";
import { count, plural } from "../lib/format";
import { Badge, Command, Empty, Failure, Loading, PageHead, useTitle } from "../ui/basics";
import { ConfirmTyped } from "../ui/dialogs";
import { Icon } from "../ui/icons";
import { say } from "../ui/toasts";
import { stateTone } from "./groups";
import { ResetGroup } from "./parts/reset_group";
import "../styles/log.css";

type Group = Schemas["Group"];

function Partitions({ group }: { group: Group }) {
  const owners = new Map(group.members.flatMap((member) => member.partitions.map(({ topic, partition }) => [`${topic} ${partition}`, member])));
  const most = Math.max(1, ...group.partitions.map(({ lag }) => lag ?? 0));
  return (
    <section className="card">
      <header>
        <h2>Partitions</h2>
      </header>
      <div className="scroll-x">
        <table className="simple-table">
          <thead>
            <tr>
              <th>Topic</th>
              <th className="right">Partition</th>
              <th className="right">Goes on at</th>
              <th className="right">End</th>
              <th className="lag-head">Lag</th>
              <th>Read by</th>
            </tr>
          </thead>
          <tbody>
            {group.partitions.map((part) => {
              const owner = owners.get(`${part.topic} ${part.partition}`);
              return (
                <tr key={`${part.topic} ${part.partition}`}>
                  <td>
                    <Link href={`/topics/${encodeURIComponent(part.topic)}/messages?partition=${part.partition}${part.committed === null ? "" : `&from=offset&at=${part.committed}`}`}>{part.topic}</Link>
                  </td>
                  <td className="right">{part.partition}</td>
                  <td className="right">{part.committed === null ? <span className="faint">no commit yet</span> : count(part.committed)}</td>
                  <td className="right">{part.end === null ? <span className="faint">topic is gone</span> : count(part.end)}</td>
                  <td>
                    {part.lag === null ? (
                      <span className="faint">unknown</span>
                    ) : (
                      <span className="lag-cell">
                        <span className="bar">
                          <i style={{ width: `${(part.lag / most) * 100}%` }} />
                        </span>
                        <span className="number">{count(part.lag)}</span>
                      </span>
                    )}
                  </td>
                  <td>{owner ? <span title={owner.id}>{owner.host || owner.client}</span> : <span className="faint">nobody</span>}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Members({ group }: { group: Group }) {
  return (
    <section className="card">
      <header>
        <h2>{plural(group.members.length, "member")}</h2>
      </header>
      {group.members.length === 0 ? (
        <p className="body faint">Nobody reads for this group now. Its offsets are kept.</p>
      ) : (
        <div className="scroll-x">
          <table className="simple-table">
            <thead>
              <tr>
                <th>Member</th>
                <th>Client</th>
                <th>Host</th>
                <th>Partitions</th>
              </tr>
            </thead>
            <tbody>
              {group.members.map((member) => (
                <tr key={member.id}>
                  <td className="mono">{member.id}</td>
                  <td>{member.client}</td>
                  <td>{member.host}</td>
                  <td>
                    {member.partitions.length === 0 && <span className="faint">none</span>}
                    {member.partitions.map(({ topic, partition }, i) => (
                      <Fragment key={topic + partition}>
                        {i > 0 && ", "}
                        {topic} {partition}
                      </Fragment>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

export default function GroupPage({ name }: { name: string }) {
  useTitle(name);
  const [, navigate] = useLocation();
  const { data, error, refetch } = useQuery(groupQuery(name));
  const [resetting, setResetting] = useState(false);
  const [deleting, setDeleting] = useState(false);
  return (
    <div className="page">
      <PageHead
        title={name}
        crumb={{ href: "/groups", label: "Consumer groups" }}
        actions={
          data && (
            <>
              <Badge tone={stateTone(data.state)}>{data.state}</Badge>
              <button type="button" className="button" onClick={() => setResetting(true)}>
                <Icon name="replay" /> Reset offsets
              </button>
              <button type="button" className="button quiet" onClick={() => setDeleting(true)}>
                <Icon name="trash" /> Delete
              </button>
            </>
          )
        }
      >
        {data && (data.lag === 0 ? "Everything is read" : `${plural(data.lag, "message")} not read yet`)}
      </PageHead>
      {error instanceof ApiError && error.status === 404 && !data ? (
        <Empty icon="groups" title="There is no such group">
          <p>It appears here by itself when its first member joins. In a cluster the workers are the group embedding-workers:</p>
          <Command text="millrace worker" />
        </Empty>
      ) : (
        error && <Failure error={error} retry={() => void refetch()} />
      )}
      {!data && !error && <Loading rows={5} />}
      {data && (
        <>
          <Partitions group={data} />
          <Members group={data} />
          {resetting && <ResetGroup group={data} onClose={() => setResetting(false)} />}
        </>
      )}
      <ConfirmTyped
        open={deleting}
        onClose={() => setDeleting(false)}
        title={`Delete the group ${name}?`}
        type={name}
        action="Delete the group"
        run={async () => {
          await dataOf(api.DELETE("/v1/groups/{name}", { params: { path: { name } } }));
          await client.invalidateQueries({ queryKey: ["groups"], exact: true });
          say(`Group ${name} is deleted`);
          navigate("/groups");
        }}
      >
        Its offsets go: a consumer that joins under this name starts where its own setting says. A group with members cannot be deleted.
      </ConfirmTyped>
    </div>
  );
}

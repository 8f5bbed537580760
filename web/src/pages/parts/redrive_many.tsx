import { useState } from "react";
import { type Schemas, api, dataOf } from "../../api/client";
import { client } from "../../api/queries";
import { count, plural } from "../../lib/format";
import { Failure } from "../../ui/basics";
import { Modal } from "../../ui/dialogs";
import { useQuery } from "@tanstack/react-query";

const kBatch = 100; // at a time, so that progress shows and can be stopped between two

interface Progress {
  sent: number;
  refused: { id: number; detail: string }[];
  ended: boolean;
}

/** Sends those of a filter again, batch by batch, after saying how many they are. */
export function RedriveMany({ filter, which, onClose }: { filter: Schemas["DeadLetterRedrive"]["filter"]; which: string; onClose: () => void }) {
  const preview = useQuery({
    queryKey: ["dead-letters", "preview", filter],
    queryFn: () => dataOf(api.POST("/v1/dead-letters/redrive", { body: { filter, limit: 1, dry_run: true } })),
    placeholderData: undefined,
  });
  const [progress, setProgress] = useState<Progress | null>(null);
  const [error, setError] = useState<unknown>(null);
  const matched = preview.data?.matched ?? 0;
  const run = async () => {
    const done: Progress = { sent: 0, refused: [], ended: false };
    setError(null);
    setProgress({ ...done });
    try {
      let cursor: string | null = null;
      do {
        const answer: Schemas["DeadLetterRedriveAnswer"] = await dataOf(api.POST("/v1/dead-letters/redrive", { body: { filter, limit: kBatch, dry_run: false, ...(cursor !== null && { cursor }) } }));
        for (const { id, result, error: refusal } of answer.results) {
          if (result === "redriven") done.sent += 1;
          else done.refused.push({ id, detail: refusal?.detail ?? "refused" });
        }
        cursor = answer.next_cursor;
        setProgress({ ...done });
      } while (cursor !== null);
      setProgress({ ...done, ended: true });
    } catch (failure) {
      setError(failure);
    }
    void client.invalidateQueries({ queryKey: ["dead-letters"] });
  };
  return (
    <Modal
      open
      onClose={onClose}
      title="Redrive"
      description={`Sends the messages (${which}) that are at rest again, as they are.`}
      footer={
        <>
          <button type="button" className="button" onClick={onClose}>
            {progress?.ended ? "Done" : "Cancel"}
          </button>
          {!progress?.ended && (
            <button type="button" className="button primary" disabled={matched === 0 || progress !== null} onClick={() => void run()}>
              Redrive {plural(matched, "message")}
            </button>
          )}
        </>
      }
    >
      {preview.error && <Failure error={preview.error} />}
      {progress && (
        <>
          <div className="bar">
            <i style={{ width: `${matched ? Math.min(100, ((progress.sent + progress.refused.length) / matched) * 100) : 100}%` }} />
          </div>
          <p role="status">
            {count(progress.sent)} sent again{progress.refused.length > 0 && `, ${count(progress.refused.length)} refused`}
          </p>
          <ul className="faint">
            {progress.refused.slice(0, 20).map(({ id, detail }) => (
              <li key={id}>
                {id}: {detail}
              </li>
            ))}
          </ul>
        </>
      )}
      {!progress && preview.data && <p className="soft">{matched === 0 ? "Nothing is at rest." : "Whatever was wrong should be repaired first: what fails again comes back here."}</p>}
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}

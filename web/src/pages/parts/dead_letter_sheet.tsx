import { useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { Link } from "wouter";
import { api, dataOf } from "../../api/client";
import { client } from "../../api/queries";
import { clock, count, plural } from "../../lib/format";
import { jsonOf, shown } from "../../lib/message";
import { Failure, Field, Loading } from "../../ui/basics";
import { Sheet } from "../../ui/dialogs";
import { Icon } from "../../ui/icons";
import { Json } from "../../ui/json";
import { say } from "../../ui/toasts";

/** One dead letter: why, its message, and the way back, as it is or corrected. */
export function DeadLetterSheet({ id, onClose }: { id: number; onClose: () => void }) {
  const { data, error, refetch } = useQuery({ queryKey: ["dead-letter", id], queryFn: () => dataOf(api.GET("/v1/dead-letters/{id}", { params: { path: { id } } })), placeholderData: undefined });
  const [edited, setEdited] = useState<string | null>(null);
  const [sending, setSending] = useState(false);
  const [refusal, setRefusal] = useState<unknown>(null);
  const send = async () => {
    setSending(true);
    setRefusal(null);
    try {
      await dataOf(api.POST("/v1/dead-letters/{id}/redrive", { params: { path: { id } }, ...(edited !== null && { body: { value: edited } }) }));
      // Only the list: this letter may have left it already, and asking for it again would be refused.
      void client.invalidateQueries({ queryKey: ["dead-letters"] });
      say("It is on its way", { description: edited === null ? "as it was" : "as a new version" });
      onClose();
    } catch (failure) {
      setRefusal(failure);
    } finally {
      setSending(false);
    }
  };
  const message = data?.message;
  const json = message && jsonOf(message);
  const text = message ? (json === undefined ? (message.value ?? "") : JSON.stringify(json, null, 2)) : "";
  return (
    <Sheet open onClose={onClose} title="Dead letter" modal={false}>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading rows={3} />}
      {data && message && (
        <>
          <div className="notice bad">
            <Icon name="warn" />
            <div>
              <strong>{data.error.message}</strong>
              <div>
                <code>{data.error.code}</code> at {data.error.stage}, after {plural(data.attempts, "attempt")}
              </div>
            </div>
          </div>
          <dl className="facts">
            <dt>Document</dt>
            <dd>{data.document_id === null ? <span className="faint">the message names none</span> : <Link href={`/documents/${data.document_id}`}>{data.document_id}</Link>}</dd>
            <dt>Message</dt>
            <dd>
              {data.original.topic}, partition {data.original.partition}, offset {count(data.original.offset)}
            </dd>
            <dt>Sent</dt>
            <dd className="number">{clock(data.original_timestamp, true)}</dd>
            <dt>Failed</dt>
            <dd className="number">{clock(data.failed_at, true)}</dd>
            {data.redrives > 0 && (
              <>
                <dt>Redriven</dt>
                <dd>
                  {plural(data.redrives, "time")}
                  {data.redriven_at && `, under way since ${clock(data.redriven_at)}`}
                </dd>
              </>
            )}
            <dt>Key</dt>
            <dd className="mono">{message.key === null ? <span className="faint">none</span> : shown(message.key, message.key_encoding)}</dd>
            {message.headers.map(({ name, value }) => (
              <Fragment key={name + value}>
                <dt className="mono">{name}</dt>
                <dd className="mono">{value}</dd>
              </Fragment>
            ))}
          </dl>
          {edited === null ? (
            <>
              {json === undefined ? <pre className="code-block">{shown(message.value, message.encoding) || "no value"}</pre> : <Json value={json} />}
              <div className="row">
                <button type="button" className="button primary" disabled={sending || data.redriven_at !== null} onClick={() => void send()}>
                  <Icon name="replay" /> Redrive as it is
                </button>
                {message.encoding !== "base64" && (
                  <button type="button" className="button" disabled={data.redriven_at !== null} onClick={() => setEdited(text)}>
                    <Icon name="edit" /> Correct it
                  </button>
                )}
              </div>
            </>
          ) : (
            <>
              <Field label="Value" hint="What is sent becomes a new version of its document.">
                {(field) => <textarea id={field} className="textarea mono" rows={16} value={edited} onChange={(event) => setEdited(event.target.value)} />}
              </Field>
              <div className="row">
                <button type="button" className="button primary" disabled={sending} onClick={() => void send()}>
                  <Icon name="send" /> Redrive corrected
                </button>
                <button type="button" className="button" onClick={() => setEdited(null)}>
                  Cancel
                </button>
              </div>
            </>
          )}
          {refusal !== null && <Failure error={refusal} />}
        </>
      )}
    </Sheet>
  );
}

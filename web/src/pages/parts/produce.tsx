import { type FormEvent, useState } from "react";
import { type Schemas, api, dataOf } from "../../api/client";
import { client } from "../../api/queries";
import { type Message, textOf } from "../../lib/message";
import { count } from "../../lib/format";
import { Failure, Field } from "../../ui/basics";
import { Modal } from "../../ui/dialogs";
import { say } from "../../ui/toasts";

function headersOf(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`“${line}” is not NAME: VALUE`);
    headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
  }
  return headers;
}

/** Headers that only Millrace's own messages carry: sent again from here, a message is someone else's. */
const own = new Set(["millrace-version", "millrace-store", "__value_schema_id"]);

/** A new message, or `model` to be changed and sent again. */
export function Produce({ topic, model, onClose, onSent }: { topic: string; model: Message | null; onClose: () => void; onSent: () => void }) {
  const text = model ? textOf(model) : "";
  const binary = model?.encoding === "base64" && text === null;
  const [key, setKey] = useState(model?.key ?? "");
  const [value, setValue] = useState(text ?? model?.value ?? "");
  const [headers, setHeaders] = useState(() => (model?.headers ?? []).filter(({ name, encoding }) => !own.has(name) && !encoding).map(({ name, value: header }) => `${name}: ${header}`).join("\n"));
  const [partition, setPartition] = useState("");
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const pretty = () => {
    try {
      setValue(JSON.stringify(JSON.parse(value), null, 2));
    } catch (failure) {
      setError(failure);
    }
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setSending(true);
    setError(null);
    try {
      const body: Schemas["NewMessage"] = { headers: headersOf(headers), ...(binary ? { value_base64: value } : { value }), ...(key !== "" && { key }), ...(partition !== "" && { partition: Number(partition) }) };
      const sent = await dataOf(api.POST("/v1/topics/{name}/messages", { params: { path: { name: topic } }, body }));
      void client.invalidateQueries({ queryKey: ["topics"] });
      const { partition: at, offset } = sent as Schemas["MessagePosition"];
      say("Sent", { description: `partition ${at}, offset ${count(offset)}` });
      onSent();
      onClose();
    } catch (failure) {
      setError(failure);
    } finally {
      setSending(false);
    }
  };
  return (
    <Modal
      open
      onClose={onClose}
      title={model ? "Edit and send again" : `Send a message to ${topic}`}
      description={model ? `A new message on ${topic}; the one at offset ${count(model.offset)} stays as it is.` : undefined}
      wide
      footer={
        <>
          {!binary && (
            <button type="button" className="button quiet" onClick={pretty}>
              Format as JSON
            </button>
          )}
          <button type="submit" form="produce" className="button primary" disabled={sending}>
            {sending ? "Sending…" : "Send"}
          </button>
        </>
      }
    >
      <form id="produce" className="stack" onSubmit={(event) => void submit(event)}>
        <div className="row top">
          <div className="grow">
            <Field label="Key" hint="Empty: none">
              {(id) => <input id={id} className="input mono" value={key} onChange={(event) => setKey(event.target.value)} />}
            </Field>
          </div>
          <Field label="Partition" hint="Empty: by the key">
            {(id) => <input id={id} className="input" type="number" min={0} value={partition} onChange={(event) => setPartition(event.target.value)} />}
          </Field>
        </div>
        <Field label={binary ? "Value (base64)" : "Value"}>{(id) => <textarea id={id} className="textarea mono" rows={12} value={value} onChange={(event) => setValue(event.target.value)} />}</Field>
        <Field label="Headers" hint="NAME: VALUE, one a line">
          {(id) => <textarea id={id} className="textarea mono" rows={2} value={headers} onChange={(event) => setHeaders(event.target.value)} />}
        </Field>
      </form>
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}

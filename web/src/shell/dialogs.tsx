import { useState } from "react";
import { apiKey, keyWanted } from "../api/client";
import { useStore } from "../lib/store";
import { Field } from "../ui/basics";
import { Modal } from "../ui/dialogs";
import { places } from "./places";
import { helpOpen } from "./shortcuts";

export function KeyDialog() {
  const why = useStore(keyWanted);
  const [typed, setTyped] = useState("");
  const close = () => keyWanted.set(null);
  return (
    <Modal
      open={why !== null}
      onClose={close}
      title="API key"
      description={why ?? ""}
      footer={
        <button type="submit" form="api-key" className="button primary" disabled={!typed.trim()}>
          Use this key
        </button>
      }
    >
      <form
        id="api-key"
        onSubmit={(event) => {
          event.preventDefault();
          close();
          apiKey.set(typed.trim());
          setTyped("");
        }}
      >
        <Field label="Key" hint="Kept in this tab until it is closed. Whoever started the server with --api-keys has the file of keys: write for adding documents, admin for topics, groups and settings.">
          {(id) => <input id={id} type="password" className="input mono" autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />}
        </Field>
      </form>
    </Modal>
  );
}

export function HelpDialog() {
  const open = useStore(helpOpen);
  return (
    <Modal open={open} onClose={() => helpOpen.set(false)} title="Keyboard">
      <dl className="facts keys">
        <dt>
          <kbd>/</kbd>
        </dt>
        <dd>To the search box</dd>
        <dt>
          <kbd>Ctrl</kbd> <kbd>K</kbd>
        </dt>
        <dd>Command palette: pages, topics, groups, documents by number</dd>
        {places.map(({ key, label }) => (
          <div key={key}>
            <dt>
              <kbd>g</kbd> <kbd>{key}</kbd>
            </dt>
            <dd>{label}</dd>
          </div>
        ))}
        <dt>
          <kbd>?</kbd>
        </dt>
        <dd>This list</dd>
      </dl>
    </Modal>
  );
}

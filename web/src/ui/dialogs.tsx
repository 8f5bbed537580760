import { Dialog } from "@base-ui/react/dialog";
import { type ReactNode, useState } from "react";
import { Failure, Field } from "./basics";
import { Icon } from "./icons";

interface ModalProps {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: ReactNode;
  wide?: boolean;
  footer?: ReactNode;
  children: ReactNode;
}

export function Modal({ open, onClose, title, description, wide, footer, children }: ModalProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className={`dialog ${wide ? "wide" : ""}`}>
          <header>
            <div>
              <Dialog.Title>{title}</Dialog.Title>
              {description && <Dialog.Description className="faint">{description}</Dialog.Description>}
            </div>
            <Dialog.Close className="button quiet small icon-only" aria-label="Close">
              <Icon name="close" />
            </Dialog.Close>
          </header>
          <div className="body">{children}</div>
          {footer && <footer>{footer}</footer>}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** A panel from the side: the page stays in view beside it. */
export function Sheet({ open, onClose, title, left, children, modal = true }: { open: boolean; onClose: () => void; title: string; left?: boolean; children: ReactNode; modal?: boolean }) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose()} modal={modal} disablePointerDismissal={!modal}>
      <Dialog.Portal>
        {modal && <Dialog.Backdrop className="backdrop" />}
        <Dialog.Popup className={`sheet ${left ? "left" : ""}`}>
          <header>
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Close className="button quiet small icon-only" aria-label="Close">
              <Icon name="close" />
            </Dialog.Close>
          </header>
          <div className="body">{children}</div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** What is to be typed before the button works. */
  type: string;
  action: string;
  run: () => Promise<unknown>;
  children: ReactNode;
}

/** For what cannot be taken back: says what will happen, and wants its name typed. */
export function ConfirmTyped({ open, onClose, title, type, action, run, children }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const [running, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const close = () => {
    setTyped("");
    setError(null);
    onClose();
  };
  const submit = async () => {
    setRunning(true);
    setError(null);
    try {
      await run();
      close();
    } catch (failure) {
      setError(failure);
    } finally {
      setRunning(false);
    }
  };
  const ready = typed.trim() === type && !running;
  return (
    <Modal
      open={open}
      onClose={close}
      title={title}
      footer={
        <>
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" form="confirm-typed" className="button danger" disabled={!ready}>
            {running ? "Working…" : action}
          </button>
        </>
      }
    >
      <div className="soft">{children}</div>
      <form
        id="confirm-typed"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) void submit();
        }}
      >
        <Field label={`Type ${type} to confirm`}>
          {(id) => <input id={id} className="input mono" autoComplete="off" spellCheck={false} value={typed} onChange={(event) => setTyped(event.target.value)} />}
        </Field>
      </form>
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}

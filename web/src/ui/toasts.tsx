import { Toast } from "@base-ui/react/toast";
import { ApiError } from "../api/client";
import { Icon } from "./icons";

const manager = Toast.createToastManager();

export function say(title: string, more: { description?: string; action?: { label: string; run: () => void } } = {}): void {
  const id = manager.add({
    title,
    description: more.description,
    timeout: more.action ? 12_000 : 5000,
    actionProps: more.action && {
      children: more.action.label,
      onClick: () => {
        manager.close(id);
        more.action?.run();
      },
    },
  });
}

export function complain(title: string, error: unknown): void {
  const description = error instanceof ApiError ? error.detail : error instanceof Error ? error.message : String(error);
  manager.add({ title, description, type: "error", timeout: 15_000, priority: "high" });
}

function List() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className="toast">
      <div>
        <Toast.Title className="toast-title" />
        <Toast.Description className="toast-description" />
      </div>
      {toast.actionProps ? <Toast.Action className="button small" /> : <span />}
      <Toast.Close className="button quiet small icon-only" aria-label="Dismiss">
        <Icon name="close" />
      </Toast.Close>
    </Toast.Root>
  ));
}

export function Toasts() {
  return (
    <Toast.Provider toastManager={manager}>
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

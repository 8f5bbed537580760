import { QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/table.css";
import "./styles/search.css";
import { followEvents } from "./api/events";
import { client, keepFresh } from "./api/queries";
import { App } from "./app";
import "./lib/history";
import { applyTheme } from "./shell/theme";

applyTheme();
keepFresh();
void followEvents();
createRoot(document.getElementById("root")!).render(
  <QueryClientProvider client={client}>
    <App />
  </QueryClientProvider>,
);

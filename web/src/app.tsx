import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Suspense, lazy, useEffect, useRef, useState } from "react";
import { Link, Route, Router, Switch, useLocation } from "wouter";
import { apiKey, keyWanted } from "./api/client";
import { link } from "./api/events";
import { status, version } from "./api/queries";
import { shortCount } from "./lib/format";
import { useStore } from "./lib/store";
import { HelpDialog, KeyDialog } from "./shell/dialogs";
import { Palette } from "./shell/palette";
import { places } from "./shell/places";
import { helpOpen, paletteOpen, useShortcuts } from "./shell/shortcuts";
import { nextTheme, theme } from "./shell/theme";
import { Boundary } from "./shell/boundary";
import { Badge, Empty, Loading } from "./ui/basics";
import { Sheet } from "./ui/dialogs";
import { Icon } from "./ui/icons";
import { Toasts } from "./ui/toasts";
import { SearchPage } from "./pages/search";

const DocumentsPage = lazy(() => import("./pages/documents"));
const DocumentPage = lazy(() => import("./pages/document"));
const PipelinePage = lazy(() => import("./pages/pipeline"));
const TopicsPage = lazy(() => import("./pages/topics"));
const TopicPage = lazy(() => import("./pages/topic"));
const GroupsPage = lazy(() => import("./pages/groups"));
const GroupPage = lazy(() => import("./pages/group"));
const DeadLettersPage = lazy(() => import("./pages/dead_letters"));
const AnalyticsPage = lazy(() => import("./pages/analytics"));
const SystemPage = lazy(() => import("./pages/system"));

function Nav() {
  const [location] = useLocation();
  const { data } = useQuery(status());
  const waiting = data ? data.documents.queued + data.documents.processing + data.documents.retrying : 0;
  const dead = data?.dead_letters ?? 0;
  return (
    <nav aria-label="Pages">
      {places.map(({ href, label, icon }) => {
        const current = href === "/" ? location === "/" : location.startsWith(href);
        return (
          <Link key={href} href={href} className="nav-item" aria-current={current ? "page" : undefined}>
            <Icon name={icon} />
            {label}
            {href === "/dead-letters" && dead > 0 && (
              <Badge tone="bad">
                <span className="number">{shortCount(dead)}</span>
              </Badge>
            )}
            {href === "/pipeline" && waiting > 0 && (
              <Badge tone="busy">
                <span className="number">{shortCount(waiting)}</span>
              </Badge>
            )}
          </Link>
        );
      })}
    </nav>
  );
}

const linkWords = { connecting: "Connecting…", live: "Live", away: "Not connected", refused: "Needs a key" } as const;
const linkTones = { connecting: "", live: "good", away: "warn", refused: "warn" } as const;
const themeIcons = { system: "screen", light: "sun", dark: "moon" } as const;

function SideFoot() {
  const state = useStore(link);
  const choice = useStore(theme) as keyof typeof themeIcons;
  const key = useStore(apiKey);
  const { data } = useQuery(version);
  return (
    <div className="side-foot">
      <button type="button" className="button small" onClick={() => paletteOpen.set(true)}>
        <Icon name="terminal" /> Commands <kbd>Ctrl K</kbd>
      </button>
      <div className="row">
        <span className="link-state" role="status">
          <span className={`dot ${linkTones[state]}`} />
          {linkWords[state]}
        </span>
        <span className="row">
          <button type="button" className="button quiet small icon-only" onClick={() => helpOpen.set(true)} aria-label="Keyboard shortcuts" title="Keyboard shortcuts">
            <Icon name="info" />
          </button>
          <button type="button" className="button quiet small icon-only" onClick={nextTheme} aria-label={`Theme: ${choice}`} title={`Theme: ${choice}`}>
            <Icon name={themeIcons[choice]} />
          </button>
        </span>
      </div>
      <div className="row faint">
        <span>{data ? `${data.version} · ${data.mode}` : " "}</span>
        {key ? (
          <button type="button" className="button quiet small" onClick={() => keyWanted.set("Another key can be used instead.")}>
            Key
          </button>
        ) : (
          <a href="/docs">API</a>
        )}
      </div>
    </div>
  );
}

function Brand() {
  return (
    <Link href="/" className="brand">
      <img src="/console/icon.svg" alt="" />
      Millrace
    </Link>
  );
}

function TopBar() {
  const [open, setOpen] = useState(false);
  const [location] = useLocation();
  useEffect(() => setOpen(false), [location]);
  return (
    <div className="top-bar">
      <button type="button" className="button quiet icon-only" aria-label="Menu" onClick={() => setOpen(true)}>
        <Icon name="menu" />
      </button>
      <Brand />
      <button type="button" className="button quiet icon-only" aria-label="Commands" onClick={() => paletteOpen.set(true)}>
        <Icon name="search" />
      </button>
      <Sheet open={open} onClose={() => setOpen(false)} title="Millrace" left>
        <Nav />
        <SideFoot />
      </Sheet>
    </div>
  );
}

/** Says when the server is away; what is on the page stays and is kept fresh again when it is back. */
function Away() {
  const state = useStore(link);
  const [shown, setShown] = useState(false);
  const client = useQueryClient();
  useEffect(() => {
    if (state !== "away") {
      setShown(false);
      return;
    }
    const timer = window.setTimeout(() => setShown(true), 800); // a restart is shorter than reading
    return () => clearTimeout(timer);
  }, [state]);
  if (!shown) return null;
  return (
    <div className="banner" role="alert">
      <Icon name="warn" />
      <span className="grow">The server does not answer. What you see may be old; it refreshes by itself when the server is back.</span>
      <button type="button" className="button small" onClick={() => void client.invalidateQueries()}>
        Try now
      </button>
    </div>
  );
}

function Pages() {
  const main = useRef<HTMLElement>(null);
  const [location] = useLocation();
  useEffect(() => {
    void main.current?.scrollTo(0, 0); // newer browsers answer with a promise
  }, [location]);
  return (
    <main className="main" ref={main} id="main" tabIndex={-1}>
      <Away />
      <Boundary key={location}>
        <Suspense
          fallback={
            <div className="page">
              <Loading />
            </div>
          }
        >
          <Switch>
            <Route path="/" component={SearchPage} />
            <Route path="/documents" component={DocumentsPage} />
            <Route path="/documents/:id">{({ id }) => <DocumentPage key={id} id={Number(id)} />}</Route>
            <Route path="/pipeline" component={PipelinePage} />
            <Route path="/topics" component={TopicsPage} />
            <Route path="/topics/:name/:tab?">{({ name, tab }) => <TopicPage key={name} name={name} tab={tab ?? "messages"} />}</Route>
            <Route path="/groups" component={GroupsPage} />
            <Route path="/groups/:name">{({ name }) => <GroupPage key={name} name={name} />}</Route>
            <Route path="/dead-letters" component={DeadLettersPage} />
            <Route path="/analytics" component={AnalyticsPage} />
            <Route path="/system" component={SystemPage} />
            <Route>
              <div className="page">
                <Empty icon="search" title="There is nothing here">
                  <p>
                    The address leads nowhere. <Link href="/">Go to Search</Link>
                  </p>
                </Empty>
              </div>
            </Route>
          </Switch>
        </Suspense>
      </Boundary>
    </main>
  );
}

function Frame() {
  useShortcuts();
  return (
    <>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <div className="shell">
        <aside className="side">
          <Brand />
          <Nav />
          <SideFoot />
        </aside>
        <TopBar />
        <Pages />
      </div>
      <Palette />
      <KeyDialog />
      <HelpDialog />
      <Toasts />
    </>
  );
}

export function App() {
  return (
    <Router base="/console">
      <Frame />
    </Router>
  );
}

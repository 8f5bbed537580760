import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useState } from "react";
import { Link } from "wouter";
import { ApiError, type DocumentStatus } from "../api/client";
import { ago, clock } from "../lib/format";
import { Icon, type IconName } from "./icons";

export type Tone = "good" | "busy" | "warn" | "bad" | "plain";

export function Badge({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

const statusTones: Record<DocumentStatus, Tone> = {
  queued: "busy",
  processing: "busy",
  retrying: "warn",
  indexed: "good",
  failed: "bad",
  dead_lettered: "bad",
  superseded: "plain",
  deleted: "plain",
};
export const statusWords = (status: string): string => status.replaceAll("_", " ");

export function StatusBadge({ status }: { status: DocumentStatus }) {
  return (
    <Badge tone={statusTones[status]}>
      <span className={`dot ${statusTones[status]}`} />
      {statusWords(status)}
    </Badge>
  );
}

/** A time as people say it, kept true while it is looked at; the exact one on hover. */
export function Ago({ time }: { time: string }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => tick((n) => n + 1), 5000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={time} title={clock(time, true)}>
      {ago(time)}
    </time>
  );
}

export function CopyButton({ text, label = "Copy", small = true, words }: { text: string | (() => string); label?: string; small?: boolean; words?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(typeof text === "string" ? text : text());
    setCopied(true);
    window.setTimeout(() => setCopied(false), 1500);
  };
  return (
    <button type="button" className={`button quiet ${small ? "small" : ""} ${words ? "" : "icon-only"}`} onClick={() => void copy()} aria-label={words ? undefined : copied ? "Copied" : label} title={label}>
      <Icon name={copied ? "check" : "copy"} />
      {words && (copied ? "Copied" : words)}
    </button>
  );
}

export function Command({ text }: { text: string }) {
  return (
    <div className="command">
      <code>{text}</code>
      <CopyButton text={text} label="Copy the command" />
    </div>
  );
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What went wrong and what to do about it. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const client = useQueryClient();
  const known = error instanceof ApiError ? error : null;
  const message = known?.detail ?? (error instanceof Error ? error.message : String(error));
  return (
    <div className="notice bad" role="alert">
      <Icon name="warn" />
      <div className="stack">
        <div>
          {message}
          {known && known.fields.length > 0 && (
            <ul>
              {known.fields.map(({ pointer, detail }) => (
                <li key={pointer + detail}>
                  <code>{pointer.slice(1)}</code>: {detail}
                </li>
              ))}
            </ul>
          )}
          {known && adviceFor(known) && <div>{adviceFor(known)}</div>}
        </div>
        {retry && (
          <div>
            <button type="button" className="button small" onClick={() => (retry ? retry() : void client.invalidateQueries())}>
              Try again
            </button>
          </div>
        )}
      </div>
    </div>
  );
}

function adviceFor(error: ApiError): string | null {
  if (error.status === 401) return "Give the key of this server when asked.";
  if (error.status === 403) return "Ask whoever runs this server for a key with a larger scope.";
  if (error.status === 404) return "It may have been deleted in the meantime.";
  if (error.status === 503) return "The server or something it needs is busy or away; the System page names it. Trying again helps.";
  return null;
}

export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <div className="bones" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}

export function Field({ label, hint, children }: { label: string; hint?: ReactNode; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {hint && <span className="hint">{hint}</span>}
    </div>
  );
}

export function PageHead({ title, crumb, children, actions }: { title: ReactNode; crumb?: { href: string; label: string }; children?: ReactNode; actions?: ReactNode }) {
  return (
    <header className="page-head">
      <div>
        {crumb && (
          <Link href={crumb.href} className="crumb">
            <Icon name="back" />
            {crumb.label}
          </Link>
        )}
        <h1 tabIndex={-1}>{title}</h1>
        {children && <p>{children}</p>}
      </div>
      {actions && <div className="row">{actions}</div>}
    </header>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Millrace`;
  }, [title]);
}

export function useNarrow(): boolean {
  const query = "(max-width: 820px)";
  const [narrow, setNarrow] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const media = window.matchMedia(query);
    const follow = () => setNarrow(media.matches);
    media.addEventListener("change", follow);
    return () => media.removeEventListener("change", follow);
  }, []);
  return narrow;
}

import { useMemo } from "react";
import type { Schemas } from "../../api/client";
import { changeQuery, useUrlState } from "../../lib/url_state";
import { Field } from "../../ui/basics";
import { Icon } from "../../ui/icons";

export interface Condition {
  field: string;
  how: "equals" | "in" | "gt" | "gte" | "lt" | "lte" | "exists";
  value: string;
}

const hows: Record<Condition["how"], string> = { equals: "is", in: "is one of", gt: ">", gte: "≥", lt: "<", lte: "≤", exists: "is there" };

/** `3` is a number and `"3"` a text, as people expect of a filter box. */
function valueOf(text: string, how: Condition["how"]): string | number | boolean {
  const quoted = /^"(.*)"$/s.exec(text.trim());
  if (quoted) return quoted[1]!;
  if (text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  if (how === "equals" && (text === "true" || text === "false")) return text === "true";
  return text;
}

function toFilter({ field, how, value }: Condition): Schemas["Condition"] {
  if (how === "exists") return { field, exists: true };
  if (how === "in") return { field, in: value.split(",").map((part) => valueOf(part.trim(), "equals")) };
  const converted = field === "title" || field === "key" ? value : valueOf(value, how);
  return { field, [how]: converted } as Schemas["Condition"];
}

/** The settings of one search, from the address. `which`: "" or "2" for the one beside it. */
export function useSettings(which: string) {
  const [k] = useUrlState(`k${which}`, "10");
  const [per] = useUrlState(`per${which}`);
  const [least] = useUrlState(`min${which}`);
  const [filter] = useUrlState(`filter${which}`);
  return useMemo(() => {
    let conditions: Condition[] = [];
    try {
      conditions = filter ? (JSON.parse(filter) as Condition[]) : [];
    } catch {
      // an address cut off on its way: the rest of it still holds
    }
    const complete = conditions.filter(({ field, how, value }) => field && (how === "exists" || value !== ""));
    const request: Omit<Schemas["Search"], "query"> = { top_k: Number(k) || 10 };
    if (per) request.max_per_document = Number(per);
    if (least) request.min_score = Number(least);
    if (complete.length === 1) request.filter = toFilter(complete[0]!);
    if (complete.length > 1) request.filter = { all: complete.map(toFilter) };
    return { conditions, request };
  }, [k, per, least, filter]);
}

function ConditionRow({ condition, change, remove }: { condition: Condition; change: (next: Condition) => void; remove: () => void }) {
  return (
    <div className="row condition">
      <input className="input grow" list="filter-fields" aria-label="Field" placeholder="metadata.lang" value={condition.field} onChange={(event) => change({ ...condition, field: event.target.value })} />
      <select className="select narrow-field" aria-label="Comparison" value={condition.how} onChange={(event) => change({ ...condition, how: event.target.value as Condition["how"] })}>
        {Object.entries(hows).map(([how, words]) => (
          <option key={how} value={how}>
            {words}
          </option>
        ))}
      </select>
      {condition.how !== "exists" && <input className="input grow" aria-label="Value" placeholder={condition.how === "in" ? "en, de" : "en"} value={condition.value} onChange={(event) => change({ ...condition, value: event.target.value })} />}
      <button type="button" className="button quiet icon-only" aria-label="Remove this condition" onClick={remove}>
        <Icon name="close" />
      </button>
    </div>
  );
}

/** What a search may be told, kept in the address. */
export function SearchSettings({ which, name }: { which: string; name: string }) {
  const [k] = useUrlState(`k${which}`, "10");
  const [per] = useUrlState(`per${which}`);
  const [least] = useUrlState(`min${which}`);
  const { conditions } = useSettings(which);
  const set = (changes: Record<string, string>) => changeQuery(Object.fromEntries(Object.entries(changes).map(([key, value]) => [key + which, value])), { replace: true });
  const setConditions = (next: Condition[]) => set({ filter: next.length ? JSON.stringify(next) : "" });
  return (
    <section className="card padded stack" aria-label={name}>
      <div className="settings-grid">
        <Field label="Passages">{(id) => <input id={id} className="input" type="number" min={1} max={1000} value={k} onChange={(event) => set({ k: event.target.value })} />}</Field>
        <Field label="Most per document">{(id) => <input id={id} className="input" type="number" min={1} max={1000} placeholder="any" value={per} onChange={(event) => set({ per: event.target.value })} />}</Field>
        <Field label="Least score">{(id) => <input id={id} className="input" type="number" min={-1} max={1} step={0.05} placeholder="any" value={least} onChange={(event) => set({ min: event.target.value })} />}</Field>
      </div>
      {conditions.map((condition, i) => (
        <ConditionRow
          key={i}
          condition={condition}
          change={(next) => setConditions(conditions.map((old, j) => (j === i ? next : old)))}
          remove={() => setConditions(conditions.filter((_, j) => j !== i))}
        />
      ))}
      <div>
        <button type="button" className="button small" onClick={() => setConditions([...conditions, { field: "", how: "equals", value: "" }])}>
          <Icon name="filter" /> Add a filter
        </button>
      </div>
    </section>
  );
}

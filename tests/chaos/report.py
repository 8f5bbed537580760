"""The report of a run: as text for people, as JSON for machines."""

import collections
import json
import statistics


def report(run, ledger, nemesis, state, anomalies):
    operations = collections.defaultdict(dict)
    for (operation, outcome), count in sorted(ledger.operations.items()):
        operations[operation][outcome] = count
    faults = collections.defaultdict(list)
    for entry in nemesis.log:
        faults[entry["fault"]].append(entry.get("recovered"))
    statuses = collections.Counter(document.status for document in state.documents.values()) if state else {}
    return run | {
        "operations": dict(operations),
        "subjects": len(ledger.subjects),
        "uncertain": sum(not subject.certain() for subject in ledger.subjects.values()),
        "documents": dict(statuses),
        "dead_letters": len(state.letters) if state else None,
        "faults": {name: summary(values) for name, values in sorted(faults.items())},
        "schedule": nemesis.log,
        "anomalies": [{"kind": anomaly.kind, "sentence": anomaly.sentence} for anomaly in anomalies],
    }


def summary(recoveries):
    """How often, and seconds until a document sent after its end was found (while the other lane may be breaking things)."""
    known = sorted(value for value in recoveries if value is not None)
    return {"count": len(recoveries), "measured": len(known), "median": known and statistics.median(known) or None, "longest": known and known[-1] or None}


def as_text(report):
    lines = [f"seed {report['seed']}  {report['shape']}  {report['seconds']} s", "", "operations            ok  unknown  failed"]
    for name, outcomes in report["operations"].items():
        lines.append(f"  {name:<16}{outcomes.get('ok', 0):>8}{outcomes.get('unknown', 0):>9}{outcomes.get('failed', 0):>8}")
    lines += ["", "faults             times  found again after (median, longest)"]
    for name, entry in report["faults"].items():
        times = f"{entry['median']:.1f} s, {entry['longest']:.1f} s" if entry["measured"] else "not measured"
        lines.append(f"  {name:<16}{entry['count']:>6}  {times}")
    lines += ["", f"subjects {report['subjects']}, of which {report['uncertain']} with an unknown outcome; documents {report['documents']}; "
              f"dead letters {report['dead_letters']}",
              f"records whose commit was watched: {report['watched']}; ready {report['ready']} s and quiet {report['quiet']} s after healing",
              f"anomalies: {len(report['anomalies'])}"]
    lines += [f"  {anomaly['kind']}: {anomaly['sentence']}" for anomaly in report["anomalies"][:50]]
    return "\n".join(lines)


def save(report, path):
    with open(path, "w") as file:
        json.dump(report, file, indent=1)
        file.write("\n")
